//! No log line and no answer holds a password, its hash, a token or an email, and security events are logged.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::helpers::{App, PATIENCE, problem, spawn_app_with, unavailable};
use crate::people::{PASSWORD, Person, sign_in, sign_up, token_of};

const ADMIN: &str = "an admin token of more than 32 characters";

/// Everything that the service logs until it has stopped.
async fn whole_log(mut app: App) -> String {
    assert!(app.service.stop().await.success());
    app.service.logs().iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_log_of_everything_holds_no_password_no_hash_no_token_and_no_email() {
    let (app, _database) = spawn_app_with(&[("ADMIN_TOKEN", ADMIN), ("RUST_LOG", "trace")]).await;
    let jane = Person::new(&app, "jane").await;
    problem(sign_up(&app, &jane.email, PASSWORD).await, StatusCode::CONFLICT, "email-taken").await;
    problem(sign_in(&app, &jane.email, "a wrong password").await, StatusCode::UNAUTHORIZED, "wrong-credentials").await;
    let change = json!({"password": "another password", "currentPassword": PASSWORD});
    let changed = token_of(jane.put(&app, &jane.path(), change).await).await;
    assert!(!jane.is_signed_in(&app).await);
    let cookie = app.prepare(Method::GET, "/sessions").header("cookie", format!("__Host-session={changed}"));
    assert_eq!(cookie.send().await.unwrap().status(), StatusCode::OK);
    let deleted = app.send(Method::DELETE, &jane.path(), Some(ADMIN), None).await;
    assert_eq!(deleted.status(), StatusCode::OK);
    let log = whole_log(app).await;
    assert!(log.contains("TRACE"), "{log}");
    for secret in [PASSWORD, "a wrong password", "another password", "argon2id$", &jane.token, &changed, ADMIN, "jane@"]
    {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test]
async fn what_the_database_says_of_a_refused_row_is_logged_without_the_row() {
    let (app, database) = spawn_app_with(&[("RUST_LOG", "trace")]).await;
    let check = "ALTER TABLE users ADD CONSTRAINT no_janes CHECK (email NOT LIKE 'jane@%')";
    database.client().await.batch_execute(check).await.unwrap();
    let response = sign_up(&app, "jane@example.com", PASSWORD).await;
    unavailable(response, "database-unavailable").await;
    let line = app.access_line("/users").await;
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.contains("SQLSTATE 23514, constraint no_janes"), "{cause}");
    let log = whole_log(app).await;
    for secret in ["jane@", "argon2id$", PASSWORD] {
        assert_eq!(log.lines().find(|line| line.contains(secret)), None, "{secret}");
    }
}

#[tokio::test]
async fn security_events_are_logged_with_the_user_the_client_and_the_request() {
    let (app, _database) = spawn_app_with(&[("ADMIN_TOKEN", ADMIN)]).await;
    let jane = Person::new(&app, "jane").await;
    sign_in(&app, &jane.email, "a wrong password").await;
    sign_in(&app, "nobody@example.com", "a wrong password").await;
    let change = json!({"password": "another password", "currentPassword": PASSWORD});
    let changed = token_of(jane.put(&app, &jane.path(), change).await).await;
    app.send(Method::DELETE, "/sessions/current", Some(&changed), None).await;
    app.send(Method::DELETE, &jane.path(), Some(ADMIN), None).await;
    let last = |line: &Value| line["target"] == "security" && line["event"] == "user_deleted";
    app.service.wait_for_log(last, PATIENCE).await;
    let lines: Vec<Value> = app.service.logs().into_iter().filter(|line| line["target"] == "security").collect();
    let events: Vec<_> = lines.iter().map(|line| json!([line["event"], line["user.id"]])).collect();
    let expected = json!([
        ["user_created", 1],
        ["sign_in", 1],
        ["sign_in_failed", 1],
        ["sign_in_failed", null],
        ["password_changed", 1],
        ["session_ended", 1],
        ["admin_used", 1],
        ["user_deleted", 1],
    ]);
    assert_eq!(json!(events), expected);
    for line in lines {
        assert!(
            line["client.address"] == "127.0.0.1" && line["request_id"].as_str().is_some_and(|id| !id.is_empty()),
            "{line}"
        );
    }
}
