//! What is noted if a client leaves while its request is served.

use causeway_testing::postgres::TestDatabase;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::helpers::{App, PATIENCE, count, eventually, spawn_app, until_waiting};
use crate::people::{PASSWORD, Person, sign_in};

/// Makes each transaction that writes to `table` wait for the test when it commits.
async fn hold_commits_of(database: &TestDatabase, table: &str) {
    let sql = format!(
        "CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER hold AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION hold()"
    );
    database.client().await.batch_execute(&sql).await.unwrap();
}

/// Sends a request and does not wait for its response.
async fn send(app: &App, (method, path, token): (&str, &str, &str), body: &Value) -> TcpStream {
    let (body, mut connection) = (body.to_string(), app.connect().await);
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

/// Sends the request, and leaves while `statement` commits.
async fn leave_during(statement: &str, app: &App, database: &TestDatabase, request: (&str, &str, &str), body: &Value) {
    let client = database.client().await;
    client.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();
    let connection = send(app, request, body).await;
    until_waiting(&client, statement, 1).await;
    // A reset. A connection that is only half closed can still read its answer.
    connection.set_zero_linger().unwrap();
    drop(connection);
    app.service.wait_for_log(|line| line["status"] == 499 && line["path"] == request.1, PATIENCE).await;
    client.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
}

async fn noted(app: &App, event: &str, user: i64) {
    let noted = |line: &Value| line["target"] == "security" && line["event"] == event && line["user.id"] == user;
    let line = app.service.wait_for_log(noted, PATIENCE).await;
    assert!(line["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{line}");
    eventually("its place is free", async || (hashes(app).await < 0.5).then_some(())).await;
}

/// Requests whose password is hashed, or waits for it.
async fn hashes(app: &App) -> f64 {
    let text = app.get("/metrics").await.text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with("causeway_password_hashes_in_flight ")).expect("is measured");
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn an_account_is_changed_and_deleted_with_a_note_although_its_client_leaves_during_the_commit() {
    let (app, database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    hold_commits_of(&database, "users").await;
    let change = json!({"password": "another password", "currentPassword": PASSWORD});
    leave_during("COMMIT", &app, &database, ("PUT", &jane.path(), &jane.token), &change).await;
    noted(&app, "password_changed", jane.id).await;
    assert!(!jane.is_signed_in(&app).await);

    let answer: Value = sign_in(&app, &jane.email, "another password").await.json().await.unwrap();
    let token = answer["token"].as_str().unwrap();
    let farewell = json!({"currentPassword": "another password"});
    leave_during("COMMIT", &app, &database, ("DELETE", &jane.path(), token), &farewell).await;
    noted(&app, "user_deleted", jane.id).await;
    let client = database.client().await;
    eventually("the sweep removes the row", async || (count(&client, "users").await == 0).then_some(())).await;
}

#[tokio::test]
async fn an_account_is_created_and_signed_in_to_with_a_note_although_its_client_leaves_during_the_commit() {
    let (app, database) = spawn_app().await;
    let jane = json!({"email": "jane@example.com", "password": PASSWORD});
    hold_commits_of(&database, "users").await;
    leave_during("INSERT INTO users", &app, &database, ("POST", "/users", ""), &jane).await;
    noted(&app, "user_created", 1).await;
    hold_commits_of(&database, "sessions").await;
    leave_during("COMMIT", &app, &database, ("POST", "/sessions", ""), &jane).await;
    noted(&app, "sign_in", 1).await;
}

#[tokio::test]
async fn a_wrong_password_is_noted_although_its_client_leaves_while_it_is_hashed() {
    let (app, database) = spawn_app().await;
    // As much work as the service accepts, so that there is time to leave.
    let hash = format!("$argon2id$v=19$m=65536,t=30,p=1$MDEyMzQ1Njc4OWFiY2RlZg${}", "A".repeat(43));
    let insert = "INSERT INTO users (email, password) VALUES ('jane@example.com', $1)";
    database.client().await.execute(insert, &[&hash]).await.unwrap();
    let guess = json!({"email": "jane@example.com", "password": "wrong"});
    let connection = send(&app, ("POST", "/sessions", ""), &guess).await;
    eventually("it is hashed", async || (hashes(&app).await > 0.5).then_some(())).await;
    connection.set_zero_linger().unwrap();
    drop(connection);
    noted(&app, "sign_in_failed", 1).await;
}
