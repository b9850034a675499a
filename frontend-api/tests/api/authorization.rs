//! Who may call what: every route of the OpenAPI document for everybody who may come.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::helpers::{App, problem, spawn_app_with};

const ADMIN: &str = "an admin token of more than 32 characters";

/// Who may call a route.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Everybody.
    Open,
    /// Whoever is signed in, and the admin.
    SignedInOrAdmin,
    /// The one to whom the thing belongs, and the admin; others get 403.
    OwnerOrAdmin,
    /// Whoever is signed in, for what is one's own; the admin gets 403.
    Session,
    /// Whoever is signed in, for what is one's own; others get 404, the admin 403.
    Owner,
    /// The bearer of `ADMIN_TOKEN`.
    Admin,
    /// Tests of its own say who sees what.
    Elsewhere,
}

/// A route whose description names credentials must come in here. One that is not here is open to everybody.
const RULES: &[(&str, Rule)] = &[
    ("GET /metrics", Rule::Admin),
    ("GET /test-connection", Rule::Elsewhere),
    ("GET /users", Rule::SignedInOrAdmin),
    ("GET /users/{id}", Rule::SignedInOrAdmin),
    ("PUT /users/{id}", Rule::OwnerOrAdmin),
    ("DELETE /users/{id}", Rule::OwnerOrAdmin),
    ("GET /sessions", Rule::Session),
    ("DELETE /sessions/current", Rule::Session),
    ("DELETE /sessions/{id}", Rule::Owner),
    ("POST /diaries", Rule::Session),
    ("GET /diaries", Rule::Session),
    ("GET /diaries/{id}", Rule::Owner),
    ("PUT /diaries/{id}", Rule::Owner),
    ("DELETE /diaries/{id}", Rule::Owner),
    ("POST /diaries/{id}/restore", Rule::Owner),
    ("GET /diaries/{id}/image", Rule::Owner),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Nobody,
    Owner,
    Other,
    Admin,
    Expired,
    Revoked,
}

const CALLERS: [Caller; 6] =
    [Caller::Nobody, Caller::Owner, Caller::Other, Caller::Admin, Caller::Expired, Caller::Revoked];

/// The status of a refusal, or `None` where the caller may.
fn refusal(rule: Rule, caller: Caller) -> Option<u16> {
    match (rule, caller) {
        (Rule::Open | Rule::Elsewhere, _)
        | (Rule::SignedInOrAdmin, Caller::Owner | Caller::Other | Caller::Admin)
        | (Rule::OwnerOrAdmin, Caller::Owner | Caller::Admin)
        | (Rule::Session, Caller::Owner | Caller::Other)
        | (Rule::Owner, Caller::Owner)
        | (Rule::Admin, Caller::Admin) => None,
        (Rule::Owner, Caller::Other) => Some(404),
        (Rule::OwnerOrAdmin, Caller::Other) | (Rule::Session | Rule::Owner, Caller::Admin) => Some(403),
        _ => Some(401),
    }
}

/// A user with a session, made without hashing a password.
async fn user(client: &tokio_postgres::Client, n: usize) -> (i64, i64, String) {
    let token = format!("{n:043}");
    let hash = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
    let insert = "INSERT INTO users (email, password) VALUES ($1, '') RETURNING id";
    let user: i64 = client.query_one(insert, &[&format!("{n}@example.com")]).await.unwrap().get(0);
    let insert = "INSERT INTO sessions (token_hash, user_id) VALUES ($1, $2) RETURNING id";
    let session: i64 = client.query_one(insert, &[&hash.as_ref(), &user]).await.unwrap().get(0);
    (user, session, token)
}

/// A diary with a picture that is not there: to show it is a 503, which refuses nobody.
async fn diary(client: &tokio_postgres::Client, owner: i64) -> i64 {
    let insert = "INSERT INTO diaries (user_id, text, picture) VALUES ($1, '', 'key.png') RETURNING id";
    client.query_one(insert, &[&owner]).await.unwrap().get(0)
}

/// The refusal that `caller` meets at a route of a new owner.
async fn ask(app: &App, client: &tokio_postgres::Client, route: &str, caller: Caller, n: usize) -> Option<u16> {
    let (owner, session, token) = user(client, 2 * n).await;
    let (_, _, other) = user(client, 2 * n + 1).await;
    let end = match caller {
        Caller::Expired => {
            format!("UPDATE sessions SET created_at = now() - interval '91 days' WHERE user_id = {owner}")
        }
        Caller::Revoked => format!("DELETE FROM sessions WHERE user_id = {owner}"),
        _ => String::new(),
    };
    client.batch_execute(&end).await.unwrap();
    let token = match caller {
        Caller::Nobody => None,
        Caller::Owner | Caller::Expired | Caller::Revoked => Some(&*token),
        Caller::Other => Some(&*other),
        Caller::Admin => Some(ADMIN),
    };
    let (method, path) = route.split_once(' ').unwrap();
    let id = match path {
        _ if path.starts_with("/sessions") => session,
        _ if path.starts_with("/diaries") => diary(client, owner).await,
        _ => owner,
    };
    let body = if path.starts_with("/diaries") { json!({"text": "a text"}) } else { json!({}) };
    let body = (method == "POST" || method == "PUT").then_some(body);
    let method: Method = method.parse().unwrap();
    let response = app.send(method, &path.replace("{id}", &id.to_string()), token, body).await;
    let status = response.status();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default();
    // The owner may delete, but must show the password, which is another refusal.
    let refused = matches!(status.as_u16(), 401 | 403 | 404) && body["type"] != "/problems/wrong-password";
    refused.then_some(status.as_u16())
}

#[tokio::test]
async fn every_route_admits_whom_its_rule_admits_and_nobody_else() {
    let (app, database) = spawn_app_with(&[("ADMIN_TOKEN", ADMIN)]).await;
    let client = database.client().await;
    let openapi: Value = app.get("/openapi.json").await.json().await.unwrap();
    let mut n = 0;
    for (path, operations) in openapi["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let route = format!("{} {path}", method.to_uppercase());
            let rule = RULES.iter().find(|(known, _)| *known == route);
            let is_open = operations[method]["security"].is_null();
            let rule = rule.map(|(_, rule)| *rule).or(is_open.then_some(Rule::Open));
            let rule = rule.unwrap_or_else(|| panic!("who may call {route}?"));
            for caller in CALLERS {
                if matches!(rule, Rule::Elsewhere) {
                    continue;
                }
                n += 1;
                let met = ask(&app, &client, &route, caller, n).await;
                assert_eq!(met, refusal(rule, caller), "{route} {caller:?}");
                let documented = &operations[method]["responses"];
                let missing = met.filter(|status| documented[status.to_string()].is_null());
                assert_eq!(missing, None, "{route} documents every refusal");
            }
        }
    }
}

#[tokio::test]
async fn a_token_is_no_session_of_the_admin() {
    let (app, _database) = spawn_app_with(&[("ADMIN_TOKEN", ADMIN)]).await;
    let response = app.send(Method::GET, "/sessions", Some(ADMIN), None).await;
    problem(response, StatusCode::FORBIDDEN, "not-for-the-admin").await;
}
