//! `/users`: signing up, looking users up, changing and deleting them.

use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::helpers::{App, count, eventually, problem, spawn_app, spawn_app_with};
use crate::people::{PASSWORD, Person, sign_in, sign_up, token_of};

const ADMIN: &str = "an admin token of more than 32 characters";

async fn data(response: reqwest::Response, message: &str) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["message"], message, "{body}");
    body["data"].clone()
}

async fn emails(app: &App, token: &str) -> Vec<String> {
    let users = data(app.send(Method::GET, "/users", Some(token), None).await, "findAll").await;
    users.as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn signing_up_answers_with_the_user_and_never_with_the_password() {
    let (app, _database) = spawn_app().await;
    let body = json!({"email": "Jane@Example.com", "password": PASSWORD, "name": "Jane"});
    let response = app.send(Method::POST, "/users", None, Some(body)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()[LOCATION], "/users/1");
    assert!(!response.headers().contains_key(SET_COOKIE));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["message"], "created");
    let user = body["data"].as_object().unwrap();
    let keys: Vec<_> = user.keys().map(String::as_str).collect();
    assert_eq!(keys, ["createdAt", "email", "id", "name", "updatedAt"]);
    assert_eq!((&user["id"], &user["email"], &user["name"]), (&json!(1), &json!("Jane@Example.com"), &json!("Jane")));
    let time = user["createdAt"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z') && &time[19..20] == ".", "{time}");
}

#[tokio::test]
async fn an_email_belongs_to_one_user_whatever_its_case() {
    let (app, _database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    problem(sign_up(&app, "JANE@example.COM", PASSWORD).await, StatusCode::CONFLICT, "email-taken").await;
    let other = Person::new(&app, "john").await;
    let change = json!({"email": person.email.to_uppercase(), "currentPassword": PASSWORD});
    problem(other.put(&app, &other.path(), change).await, StatusCode::CONFLICT, "email-taken").await;
    assert!(other.is_signed_in(&app).await);
}

#[tokio::test]
async fn two_who_sign_up_at_once_with_one_email_become_one_user() {
    let (app, database) = spawn_app().await;
    let tries = (0..8).map(|_| sign_up(&app, "jane@example.com", PASSWORD));
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(tries).await.iter().map(|answer| answer.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(count(&database.client().await, "users").await, 1);
}

#[tokio::test]
async fn every_field_that_is_not_accepted_is_named() {
    let (app, database) = spawn_app().await;
    let table = [
        (json!({"email": "jane", "password": "short", "name": "a\0b"}), &["email", "name", "password"][..]),
        (json!({"email": "jane@example.com", "password": "password123"}), &["password"]),
        (json!({"email": "jane@example.com", "password": "this is jane"}), &["password"]),
        (json!({"email": "jäne@example.com", "password": PASSWORD}), &["email"]),
        (json!({"email": "jane@example.com", "password": PASSWORD, "role": "admin"}), &["role"]),
        (json!({"email": "jane@example.com", "password": 12_345_678}), &["password"]),
        (json!({"email": "jane@example.com"}), &["password"]),
    ];
    for (body, fields) in table {
        let response = app.send(Method::POST, "/users", None, Some(body.clone())).await;
        let problem = problem(response, StatusCode::UNPROCESSABLE_ENTITY, "fields-refused").await;
        let named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
        assert_eq!(json!(named), json!(fields), "{body}");
        assert!(!problem.to_string().contains("12345678"), "{problem}");
    }
    assert_eq!(count(&database.client().await, "users").await, 0);
}

#[tokio::test]
async fn what_is_no_json_is_refused_before_anything_else() {
    let (app, _database) = spawn_app().await;
    for path in ["/users", "/sessions"] {
        let form = app.prepare(Method::POST, path).body("email=a@b.c&password=x");
        let form = form.header("content-type", "application/x-www-form-urlencoded").send().await;
        problem(form.unwrap(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type").await;
        let request = app.prepare(Method::POST, path).header("content-type", "application/json");
        problem(request.body("{").send().await.unwrap(), StatusCode::BAD_REQUEST, "body-malformed").await;
        let request = app.prepare(Method::POST, path).header("content-type", "application/json");
        let long = request.body("a".repeat(70_000)).send().await.unwrap();
        problem(long, StatusCode::PAYLOAD_TOO_LARGE, "body-too-large").await;
    }
}

#[tokio::test]
async fn others_see_masked_emails_and_the_admin_sees_them_whole() {
    let (app, _database) = spawn_app_with(&[("ADMIN_TOKEN", ADMIN)]).await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    assert_eq!(emails(&app, &jane.token).await, ["jane@example.com", "j…@example.com"]);
    assert_eq!(emails(&app, &john.token).await, ["j…@example.com", "john@example.com"]);
    assert_eq!(emails(&app, ADMIN).await, ["jane@example.com", "john@example.com"]);
    for (token, email) in [(&*jane.token, "jane@example.com"), (&john.token, "j…@example.com"), (ADMIN, &jane.email)]
    {
        let found = data(app.send(Method::GET, &jane.path(), Some(token), None).await, "findOne").await;
        assert_eq!(found["email"], email);
    }
}

#[tokio::test]
async fn the_list_comes_in_pages_by_id() {
    let (app, database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    let insert = "INSERT INTO users (email, password) SELECT n || '@example.com', '' FROM generate_series(1, 44) n";
    database.client().await.execute(insert, &[]).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let response = person.get(&app, &format!("/users?limit=20{after}")).await;
        let page: Value = response.json().await.unwrap();
        seen.extend(page["data"].as_array().unwrap().iter().map(|user| user["id"].as_i64().unwrap()));
        let Some(next) = page["next"].as_i64() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, (1..=45).collect::<Vec<_>>());
    for query in ["limit=0", "limit=101", "limit=x", "after=-1", "before=1"] {
        let refused = person.get(&app, &format!("/users?{query}")).await;
        problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "fields-refused").await;
    }
    for path in ["/users/46", "/users/0", "/users/x", "/users/9223372036854775808"] {
        problem(person.get(&app, path).await, StatusCode::NOT_FOUND, "not-found").await;
    }
}

#[tokio::test]
async fn a_name_changes_without_a_password_and_ends_no_session() {
    let (app, _database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    let response = person.put(&app, &person.path(), json!({"name": "Jane <b>Doe</b>"})).await;
    assert!(!response.headers().contains_key(SET_COOKIE));
    let body: Value = response.json().await.unwrap();
    assert_eq!((&body["message"], &body["data"]["name"]), (&json!("updated"), &json!("Jane <b>Doe</b>")));
    assert!(body.get("token").is_none() && person.is_signed_in(&app).await);
    let removed = data(person.put(&app, &person.path(), json!({"name": ""})).await, "updated").await;
    assert_eq!(removed["name"], Value::Null);
}

#[tokio::test]
async fn a_new_password_or_email_wants_the_present_one_and_ends_all_sessions_but_a_new_one() {
    let (app, _database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    for change in [
        json!({"password": "another password"}),
        json!({"password": "another password", "currentPassword": "wrong"}),
        json!({"email": "new@example.com"}),
        json!({"email": "new@example.com", "currentPassword": ""}),
    ] {
        let refused = person.put(&app, &person.path(), change).await;
        problem(refused, StatusCode::FORBIDDEN, "wrong-password").await;
    }
    let elsewhere = token_of(sign_in(&app, &person.email, PASSWORD).await).await;
    let change = json!({"password": "another password", "currentPassword": PASSWORD});
    let changed = token_of(person.put(&app, &person.path(), change).await).await;
    let person = Person { token: changed, ..person };
    assert!(person.is_signed_in(&app).await && !crate::people::is_session(&app, &elsewhere).await);
    problem(sign_in(&app, &person.email, PASSWORD).await, StatusCode::UNAUTHORIZED, "wrong-credentials").await;

    let change = json!({"email": "new@example.com", "currentPassword": "another password"});
    let changed = token_of(person.put(&app, &person.path(), change).await).await;
    assert!(!person.is_signed_in(&app).await && crate::people::is_session(&app, &changed).await);
    token_of(sign_in(&app, "new@example.com", "another password").await).await;
}

#[tokio::test]
async fn a_browser_that_changes_its_password_gets_a_new_cookie_and_no_token_to_read() {
    let (app, _database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    let change = json!({"password": "another password", "currentPassword": PASSWORD});
    let request = app.prepare(Method::PUT, &person.path()).header("cookie", format!("__Host-session={}", person.token));
    let response = request.json(&change).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-session=") && !cookie.contains(&person.token), "{cookie}");
    let body: Value = response.json().await.unwrap();
    assert!(body.get("token").is_none(), "{body}");
}

#[tokio::test]
async fn only_oneself_and_the_admin_change_a_user_and_the_admin_needs_no_password() {
    let (app, _database) = spawn_app_with(&[("ADMIN_TOKEN", ADMIN)]).await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    for path in [jane.path(), "/users/99".to_owned()] {
        problem(john.put(&app, &path, json!({"name": "x"})).await, StatusCode::FORBIDDEN, "not-your-account").await;
        let body = json!({"currentPassword": PASSWORD});
        problem(john.delete(&app, &path, Some(body)).await, StatusCode::FORBIDDEN, "not-your-account").await;
    }
    let change = json!({"password": "set by the admin"});
    let set = app.send(Method::PUT, &jane.path(), Some(ADMIN), Some(change)).await;
    let body: Value = set.json().await.unwrap();
    assert!(body["message"] == "updated" && body.get("token").is_none(), "{body}");
    assert!(!jane.is_signed_in(&app).await && john.is_signed_in(&app).await);
    token_of(sign_in(&app, &jane.email, "set by the admin").await).await;
    let missing = app.send(Method::PUT, "/users/99", Some(ADMIN), Some(json!({"name": "x"}))).await;
    problem(missing, StatusCode::NOT_FOUND, "not-found").await;
    let missing = app.send(Method::DELETE, "/users/99", Some(ADMIN), None).await;
    problem(missing, StatusCode::NOT_FOUND, "not-found").await;
    let deleted = data(app.send(Method::DELETE, &jane.path(), Some(ADMIN), None).await, "deleted").await;
    assert_eq!(deleted["email"], jane.email);
}

#[tokio::test]
async fn deleting_oneself_wants_the_password_and_ends_everything() {
    let (app, database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    for body in [None, Some(json!({})), Some(json!({"currentPassword": "wrong"}))] {
        problem(person.delete(&app, &person.path(), body).await, StatusCode::FORBIDDEN, "wrong-password").await;
    }
    let refused = person.delete(&app, &person.path(), Some(json!({"password": PASSWORD}))).await;
    problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "fields-refused").await;
    let body = json!({"currentPassword": PASSWORD});
    let deleted = data(person.delete(&app, &person.path(), Some(body)).await, "deleted").await;
    assert_eq!((&deleted["id"], &deleted["email"]), (&json!(person.id), &json!(person.email)));
    assert!(!person.is_signed_in(&app).await);
    let client = database.client().await;
    assert_eq!(count(&client, "sessions").await, 0);
    eventually("the sweep removes the row", async || (count(&client, "users").await == 0).then_some(())).await;
    problem(sign_in(&app, &person.email, PASSWORD).await, StatusCode::UNAUTHORIZED, "wrong-credentials").await;
}
