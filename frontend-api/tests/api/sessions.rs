//! `/sessions`: signing in and out, and when a session ends by itself.

use reqwest::header::{SET_COOKIE, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::helpers::{App, PATIENCE, count, eventually, problem, spawn_app, spawn_app_with};
use crate::people::{PASSWORD, Person, is_session, sign_in, token_of};

#[tokio::test]
async fn signing_in_gives_a_token_for_the_header_and_the_same_one_as_a_cookie() {
    let (app, database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    let response = sign_in(&app, "JANE@example.com", PASSWORD).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    let token = body["token"].as_str().unwrap();
    assert_eq!(token.len(), 43);
    for part in
        [&*format!("__Host-session={token}; "), "HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=34560000"]
    {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert!(person.is_signed_in(&app).await && is_session(&app, token).await);
    let by_cookie = app.prepare(Method::GET, "/sessions").header("cookie", format!("__Host-session={token}"));
    assert_eq!(by_cookie.send().await.unwrap().status(), StatusCode::OK);
    // The database can't tell anybody the token.
    let row = database.client().await.query_one("SELECT token_hash FROM sessions ORDER BY id DESC LIMIT 1", &[]).await;
    let hash: Vec<u8> = row.unwrap().get(0);
    assert_eq!(hash, ring::digest::digest(&ring::digest::SHA256, token.as_bytes()).as_ref());
}

#[tokio::test]
async fn an_unknown_email_and_a_wrong_password_get_the_same_answer() {
    let (app, _database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    let mut answers = Vec::new();
    for (email, password) in [
        (&*person.email, "wrong horse battery"),
        ("nobody@example.com", PASSWORD),
        ("not an email", PASSWORD),
        ("\0", PASSWORD),
        (&person.email, ""),
        (&person.email, &"a".repeat(2000)),
    ] {
        let response = sign_in(&app, email, password).await;
        assert!(!response.headers().contains_key(SET_COOKIE));
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
        answers.push(problem(response, StatusCode::UNAUTHORIZED, "wrong-credentials").await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn the_row_of_a_deleted_account_belongs_to_nobody_who_signs_in() {
    let (app, database) = spawn_app().await;
    let insert = "INSERT INTO users (email, password, deleted_at) VALUES ('deleted 5', '', now())";
    database.client().await.execute(insert, &[]).await.unwrap();
    problem(sign_in(&app, "deleted 5", PASSWORD).await, StatusCode::UNAUTHORIZED, "wrong-credentials").await;
    let failed = |line: &Value| line["target"] == "security" && line["event"] == "sign_in_failed";
    let line = app.service.wait_for_log(failed, PATIENCE).await;
    assert_eq!(line.get("user.id"), None, "{line}");
}

#[tokio::test]
async fn an_authorization_header_decides_alone() {
    let (app, _database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    for header in ["Bearer wrong", "Basic amFuZTpwYXNz", "", "Bearer", "Bearer  x"] {
        let request =
            app.prepare(Method::GET, "/sessions").header("cookie", format!("__Host-session={}", person.token));
        let response = request.header("authorization", header).send().await.unwrap();
        problem(response, StatusCode::UNAUTHORIZED, "not-signed-in").await;
    }
}

#[tokio::test]
async fn the_scheme_of_an_authorization_header_has_no_case() {
    let (app, _database) = spawn_app_with(&[("ADMIN_TOKEN", "an admin token of more than 32 characters")]).await;
    let person = Person::new(&app, "jane").await;
    for token in [&*person.token, "an admin token of more than 32 characters"] {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let request = app.prepare(Method::GET, "/users").header("authorization", format!("{scheme} {token}"));
            assert_eq!(request.send().await.unwrap().status(), StatusCode::OK, "{scheme} {token}");
        }
    }
}

#[tokio::test]
async fn one_lists_ones_own_sessions_and_ends_them_here_and_elsewhere() {
    let (app, _database) = spawn_app().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    let body = json!({"email": jane.email, "password": PASSWORD});
    let phone = app.prepare(Method::POST, "/sessions").header("user-agent", "phone").json(&body).send().await.unwrap();
    let phone = token_of(phone).await;
    let listed: Value = jane.get(&app, "/sessions").await.json().await.unwrap();
    assert_eq!(listed["message"], "findAll");
    let listed = listed["data"].as_array().unwrap();
    let shown: Vec<_> = listed.iter().map(|session| (&session["userAgent"], &session["current"])).collect();
    let client_name = concat!("causeway/", env!("CARGO_PKG_VERSION"));
    assert_eq!(json!(shown), json!([["phone", false], [client_name, true]]));
    let path = format!("/sessions/{}", listed[0]["id"]);

    problem(john.delete(&app, &path, None).await, StatusCode::NOT_FOUND, "not-found").await;
    assert!(is_session(&app, &phone).await);
    assert_eq!(jane.delete(&app, &path, None).await.status(), StatusCode::NO_CONTENT);
    assert!(!is_session(&app, &phone).await && jane.is_signed_in(&app).await);
    problem(jane.delete(&app, &path, None).await, StatusCode::NOT_FOUND, "not-found").await;

    let out = jane.delete(&app, "/sessions/current", None).await;
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    let cookie = out.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-session=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert!(!jane.is_signed_in(&app).await && john.is_signed_in(&app).await);
}

#[tokio::test]
async fn a_session_ends_when_it_was_not_used_and_after_its_lifetime() {
    let (app, database) = spawn_app().await;
    let client = database.client().await;
    for (column, days, alive) in
        [("last_seen", 13, true), ("last_seen", 15, false), ("created_at", 89, true), ("created_at", 91, false)]
    {
        let person = Person::new(&app, &format!("{column}-{days}")).await;
        let sql =
            format!("UPDATE sessions SET {column} = now() - interval '{days} days' WHERE user_id = {}", person.id);
        client.execute(&sql, &[]).await.unwrap();
        assert_eq!(person.is_signed_in(&app).await, alive, "{column} {days}");
    }
}

#[tokio::test]
async fn a_session_that_is_used_is_noted_as_seen_once_a_minute() {
    let (app, database) = spawn_app().await;
    let client = database.client().await;
    let person = Person::new(&app, "jane").await;
    let age = async || {
        let row = client.query_one("SELECT extract(epoch FROM now() - last_seen)::float8 FROM sessions", &[]).await;
        row.unwrap().get::<_, f64>(0)
    };
    client.execute("UPDATE sessions SET last_seen = now() - interval '1 hour'", &[]).await.unwrap();
    assert!(person.is_signed_in(&app).await);
    eventually("it is noted", async || (age().await < 60.0).then_some(())).await;
    client.execute("UPDATE sessions SET last_seen = now() - interval '30 seconds'", &[]).await.unwrap();
    assert!(person.is_signed_in(&app).await);
    assert!(age().await >= 30.0);
}

/// The users of all sessions whose end the log has.
async fn ended(app: &App) -> Vec<i64> {
    let is_end = |line: &Value| line["target"] == "security" && line["event"] == "session_ended";
    let line = app.service.wait_for_log(is_end, PATIENCE).await;
    assert!(line["client.address"] == "127.0.0.1" && line["request_id"].is_string(), "{line}");
    app.service.logs().into_iter().filter(is_end).map(|line| line["user.id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn the_oldest_of_a_hundred_sessions_ends_when_another_begins() {
    let (app, database) = spawn_app().await;
    let client = database.client().await;
    let person = Person::new(&app, "jane").await;
    let insert = "INSERT INTO sessions (token_hash, user_id) SELECT decode(md5(n::text), 'hex'), 1 FROM generate_series(1, 99) n";
    client.execute(insert, &[]).await.unwrap();
    assert!(person.is_signed_in(&app).await);
    token_of(sign_in(&app, &person.email, PASSWORD).await).await;
    assert_eq!(count(&client, "sessions").await, 100);
    assert!(!person.is_signed_in(&app).await);
    assert_eq!(ended(&app).await, [1]);
}

#[tokio::test]
async fn signing_in_ends_the_session_whose_cookie_came_along() {
    let (app, _database) = spawn_app().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    let body = json!({"email": john.email, "password": PASSWORD});
    let request = app.prepare(Method::POST, "/sessions").header("cookie", format!("__Host-session={}", jane.token));
    let token = token_of(request.json(&body).send().await.unwrap()).await;
    assert!(!jane.is_signed_in(&app).await && is_session(&app, &token).await && john.is_signed_in(&app).await);
    assert_eq!(ended(&app).await, [jane.id]);
}

#[tokio::test]
async fn a_password_that_changes_while_somebody_signs_in_with_it_opens_no_session() {
    let (app, database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    let mut client = database.client().await;
    let transaction = client.transaction().await.unwrap();
    transaction.execute("UPDATE users SET password = 'another'", &[]).await.unwrap();
    transaction.execute("DELETE FROM sessions", &[]).await.unwrap();
    let signing_in = sign_in(&app, &person.email, PASSWORD);
    let watcher = database.client().await;
    let blocked =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let change = async {
        eventually("the sign-in waits for the user", async || {
            (watcher.query_one(blocked, &[]).await.unwrap().get::<_, i64>(0) > 0).then_some(())
        })
        .await;
        transaction.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(signing_in, change);
    problem(answer, StatusCode::UNAUTHORIZED, "wrong-credentials").await;
    assert_eq!(count(&watcher, "sessions").await, 0);
}

#[tokio::test]
async fn a_hash_of_older_parameters_is_replaced_when_its_user_signs_in() {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};

    let (app, database) = spawn_app().await;
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1024, 1, 1, None).unwrap());
    let hash = weak.hash_password_with_salt(PASSWORD.as_bytes(), b"0123456789abcdef").unwrap().to_string();
    let client = database.client().await;
    client.execute("INSERT INTO users (email, password) VALUES ('jane@example.com', $1)", &[&hash]).await.unwrap();
    for _ in 0..2 {
        token_of(sign_in(&app, "jane@example.com", PASSWORD).await).await;
        let stored: String = client.query_one("SELECT password FROM users", &[]).await.unwrap().get(0);
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    }
}

#[tokio::test]
async fn a_right_password_signs_in_although_its_new_hash_cannot_be_stored() {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};

    let (app, database) = spawn_app().await;
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1024, 1, 1, None).unwrap());
    let hash = weak.hash_password_with_salt(PASSWORD.as_bytes(), b"0123456789abcdef").unwrap().to_string();
    let client = database.client().await;
    client.execute("INSERT INTO users (email, password) VALUES ('jane@example.com', $1)", &[&hash]).await.unwrap();
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; \
                  CREATE TRIGGER refuse BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION refuse()";
    client.batch_execute(refuse).await.unwrap();
    token_of(sign_in(&app, "jane@example.com", PASSWORD).await).await;
    let stored: String = client.query_one("SELECT password FROM users", &[]).await.unwrap().get(0);
    assert_eq!(stored, hash);
}
