//! How often one may try to sign in and up.

use reqwest::header::RETRY_AFTER;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use crate::helpers::{App, problem, spawn_app, spawn_app_with, unavailable};
use crate::people::{PASSWORD, Person, sign_in, sign_up, token_of};

const WRONG: &str = "wrong horse battery";

/// A 429 that says when to come back, within `seconds`.
async fn limited(response: Response, seconds: u64) {
    let after = response.headers().get(RETRY_AFTER).expect("says when to come back").to_str().unwrap().to_owned();
    assert!((1..=seconds).contains(&after.parse().unwrap()), "{after}");
    problem(response, StatusCode::TOO_MANY_REQUESTS, "too-many-attempts").await;
}

async fn fails(app: &App, email: &str) {
    problem(sign_in(app, email, WRONG).await, StatusCode::UNAUTHORIZED, "wrong-credentials").await;
}

/// Signs in from the address that a load balancer saw.
async fn sign_in_from(app: &App, address: &str, email: &str, password: &str) -> Response {
    let request = app.prepare(Method::POST, "/sessions").header("x-forwarded-for", address);
    request.json(&json!({"email": email, "password": password})).send().await.unwrap()
}

#[tokio::test]
async fn after_ten_failures_an_account_is_closed_to_that_address_even_with_the_right_password() {
    let (app, database) = spawn_app_with(&[("FORWARDED_HOPS", "1")]).await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    for email in [&*jane.email, "nobody@example.com"] {
        for _ in 0..10 {
            fails(&app, email).await;
        }
        limited(sign_in(&app, &email.to_uppercase(), PASSWORD).await, 900).await;
    }
    token_of(sign_in(&app, &john.email, PASSWORD).await).await;
    token_of(sign_in_from(&app, "8.8.8.8", &jane.email, PASSWORD).await).await;
    assert!(jane.is_signed_in(&app).await);
    database.client().await.execute("UPDATE attempts SET ends_at = now() - interval '1 s'", &[]).await.unwrap();
    token_of(sign_in(&app, &jane.email, PASSWORD).await).await;
}

#[tokio::test]
async fn of_forty_guesses_at_once_ten_are_checked() {
    let (app, _database) = spawn_app_with(&[("PASSWORD_QUEUE", "100")]).await;
    let guesses = (0..40).map(|_| sign_in(&app, "jane@example.com", WRONG));
    let answers = futures_util::future::join_all(guesses).await;
    let count = |status| answers.iter().filter(|answer| answer.status() == status).count();
    assert_eq!((count(StatusCode::UNAUTHORIZED), count(StatusCode::TOO_MANY_REQUESTS)), (10, 30));
}

#[tokio::test]
async fn a_success_forgets_the_failures_of_its_account_at_its_address_but_not_those_of_the_address() {
    let (app, _database) =
        spawn_app_with(&[("FAILURES_PER_ACCOUNT_AND_ADDRESS", "2"), ("FAILURES_PER_ADDRESS", "3")]).await;
    let jane = Person::new(&app, "jane").await;
    fails(&app, &jane.email).await;
    fails(&app, &jane.email).await;
    limited(sign_in(&app, &jane.email, PASSWORD).await, 900).await;
    let (app, _database) =
        spawn_app_with(&[("FAILURES_PER_ACCOUNT_AND_ADDRESS", "2"), ("FAILURES_PER_ADDRESS", "3")]).await;
    let jane = Person::new(&app, "jane").await;
    for _ in 0..2 {
        fails(&app, &jane.email).await;
        token_of(sign_in(&app, &jane.email, PASSWORD).await).await;
    }
    fails(&app, &jane.email).await;
    limited(sign_in(&app, "other@example.com", WRONG).await, 900).await;
    let event = |line: &serde_json::Value| line["target"] == "security" && line["event"] == "limited";
    app.service.wait_for_log(event, crate::helpers::PATIENCE).await;
}

#[tokio::test]
async fn failures_count_for_an_account_from_whatever_address_they_come() {
    let (app, _database) = spawn_app_with(&[("FORWARDED_HOPS", "1"), ("FAILURES_PER_ACCOUNT", "3")]).await;
    for host in 1..=3 {
        let answer = sign_in_from(&app, &format!("8.8.8.{host}"), "jane@example.com", WRONG).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    limited(sign_in_from(&app, "8.8.8.4", "Jane@example.com", WRONG).await, 3600).await;
    // What the caller writes itself stands left of what the load balancer appends.
    limited(sign_in_from(&app, "9.9.9.9, 8.8.8.4", "jane@example.com", WRONG).await, 3600).await;
}

#[tokio::test]
async fn an_address_signs_up_and_has_passwords_hashed_only_so_often() {
    let (app, _database) = spawn_app_with(&[("SIGN_UPS_PER_ADDRESS", "2")]).await;
    assert_eq!(sign_up(&app, "jane@example.com", PASSWORD).await.status(), StatusCode::CREATED);
    problem(sign_up(&app, "jane@example.com", PASSWORD).await, StatusCode::CONFLICT, "email-taken").await;
    limited(sign_up(&app, "john@example.com", PASSWORD).await, 3600).await;
    let (app, _database) = spawn_app_with(&[("HASHES_PER_ADDRESS", "2")]).await;
    let jane = Person::new(&app, "jane").await;
    limited(sign_in(&app, &jane.email, PASSWORD).await, 300).await;
}

#[tokio::test]
async fn a_present_password_counts_as_an_attempt_to_sign_in() {
    let (app, _database) = spawn_app_with(&[("FAILURES_PER_ACCOUNT_AND_ADDRESS", "2")]).await;
    let jane = Person::new(&app, "jane").await;
    for _ in 0..2 {
        let change = json!({"email": "new@example.com", "currentPassword": WRONG});
        problem(jane.put(&app, &jane.path(), change).await, StatusCode::FORBIDDEN, "wrong-password").await;
    }
    let right = json!({"currentPassword": PASSWORD});
    limited(jane.delete(&app, &jane.path(), Some(right)).await, 900).await;
}

#[tokio::test]
async fn a_right_password_is_no_failed_attempt_when_something_else_fails() {
    let (app, database) = spawn_app_with(&[("FAILURES_PER_ACCOUNT_AND_ADDRESS", "2")]).await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    for _ in 0..3 {
        let change = json!({"email": john.email, "currentPassword": PASSWORD});
        problem(jane.put(&app, &jane.path(), change).await, StatusCode::CONFLICT, "email-taken").await;
    }
    let client = database.client().await;
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; \
                  CREATE TRIGGER refuse BEFORE INSERT OR DELETE ON sessions EXECUTE FUNCTION refuse()";
    client.batch_execute(refuse).await.unwrap();
    for _ in 0..3 {
        let deleted = jane.delete(&app, &jane.path(), Some(json!({"currentPassword": PASSWORD}))).await;
        assert!(deleted.status().is_server_error());
        assert!(sign_in(&app, &jane.email, PASSWORD).await.status().is_server_error());
    }
    client.batch_execute("DROP TRIGGER refuse ON sessions").await.unwrap();
    token_of(sign_in(&app, &jane.email, PASSWORD).await).await;
    // All that is left counted are hashes, and that two signed up.
    let sql = "SELECT count(*) FROM attempts WHERE n > 0";
    assert_eq!(client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 2);
}

#[tokio::test]
async fn a_request_that_finds_too_many_passwords_waiting_is_answered_at_once_and_counts_nowhere() {
    let many = [("FAILURES_PER_ACCOUNT_AND_ADDRESS", "1000"), ("FAILURES_PER_ADDRESS", "1000")];
    let (app, database) = spawn_app_with(&[&[("PASSWORD_QUEUE", "1")][..], &many].concat()).await;
    let answers = futures_util::future::join_all((0..40).map(|_| sign_in(&app, "jane@example.com", WRONG))).await;
    let (busy, served): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE);
    assert!(!busy.is_empty() && served.iter().all(|answer| answer.status() == StatusCode::UNAUTHORIZED));
    for answer in busy {
        unavailable(answer, "passwords-busy").await;
    }
    let counts = database.client().await.query_one("SELECT min(n), max(n) FROM attempts", &[]).await.unwrap();
    let served = i32::try_from(served.len()).unwrap();
    assert_eq!((counts.get::<_, i32>(0), counts.get::<_, i32>(1)), (served, served));
}

#[tokio::test]
async fn attempts_at_once_are_counted_where_the_database_lets_transactions_fail_for_one_another() {
    let (app, database) = spawn_app().await;
    let strict = format!("ALTER DATABASE {} SET default_transaction_isolation = 'serializable'", database.name());
    database.client().await.batch_execute(&strict).await.unwrap();
    let app = {
        drop(app);
        let app = App::spawn(&crate::helpers::with_url(database.url(), &[])).await;
        app.until_ready().await;
        app
    };
    let answers = futures_util::future::join_all((0..8).map(|_| sign_in(&app, "jane@example.com", WRONG))).await;
    for answer in answers {
        problem(answer, StatusCode::UNAUTHORIZED, "wrong-credentials").await;
    }
    let n: i32 = database.client().await.query_one("SELECT max(n) FROM attempts", &[]).await.unwrap().get(0);
    assert_eq!(n, 8);
}
