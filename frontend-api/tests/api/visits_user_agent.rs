//! What becomes of a User-Agent on its way into the table and back.

use causeway_testing::postgres::TestDatabase;

use crate::helpers::{App, count, spawn_app};

/// `GET /` with this header line, byte for byte. The answer must be a 200.
async fn register_raw(app: &App, header: &[u8]) {
    let head = [b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n", header, b"\r\n"].concat();
    let answer = app.send_raw(&head).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

async fn stored(database: &TestDatabase) -> Option<String> {
    database.client().await.query_one("SELECT user_agent FROM access", &[]).await.unwrap().get(0)
}

/// Both what is stored and what is listed.
async fn assert_becomes(app: &App, database: &TestDatabase, expected: Option<&str>) {
    assert_eq!(stored(database).await.as_deref(), expected);
    assert_eq!(app.recent_visits().await[0]["user_agent"].as_str(), expected);
}

#[tokio::test]
async fn one_of_250_characters_is_kept_whole() {
    let (app, database) = spawn_app().await;
    let longest = "x".repeat(250);
    app.registered(&longest).await;
    assert_becomes(&app, &database, Some(&longest)).await;
}

#[tokio::test]
async fn one_of_more_is_cut_after_250_characters() {
    let (app, database) = spawn_app().await;
    app.registered(&format!("{}-and-more", "x".repeat(250))).await;
    assert_becomes(&app, &database, Some(&"x".repeat(250))).await;
}

#[tokio::test]
async fn it_is_cut_between_characters_and_not_within_one() {
    let (app, database) = spawn_app().await;
    // One byte first, so that no multiple of the others' length is 250.
    let sent = format!("User-Agent: x{}\r\n", "日é🦀".repeat(100));
    register_raw(&app, sent.as_bytes()).await;
    let expected: String = format!("x{}", "日é🦀".repeat(83));
    assert_eq!(expected.chars().count(), 250);
    assert_becomes(&app, &database, Some(&expected)).await;
}

#[tokio::test]
async fn bytes_that_are_not_utf_8_are_replaced() {
    let (app, database) = spawn_app().await;
    register_raw(&app, b"User-Agent: caf\xe9 \xff\xfe end\r\n").await;
    assert_becomes(&app, &database, Some("caf\u{FFFD} \u{FFFD}\u{FFFD} end")).await;
}

#[tokio::test]
async fn an_absent_one_is_null_in_the_table_and_in_the_answer() {
    let (app, database) = spawn_app().await;
    register_raw(&app, b"").await;
    assert_becomes(&app, &database, None).await;
    assert!(app.recent_visits().await[0]["user_agent"].is_null(), "the key is there");
}

#[tokio::test]
async fn an_empty_one_is_empty_and_not_absent() {
    let (app, database) = spawn_app().await;
    register_raw(&app, b"User-Agent:\r\n").await;
    assert_becomes(&app, &database, Some("")).await;
}

#[tokio::test]
async fn the_first_of_several_counts() {
    let (app, database) = spawn_app().await;
    register_raw(&app, b"User-Agent: first\r\nUser-Agent: second\r\n").await;
    assert_becomes(&app, &database, Some("first")).await;
}

#[tokio::test]
async fn sql_in_it_is_data() {
    let (app, database) = spawn_app().await;
    let attacks = [
        "'); DROP TABLE access; --",
        "x', 'y'), (now(), 'z",
        "{\"a\",NULL,b}",
        "\\'; DELETE FROM access; --",
        "$1::text",
        "%s %(user)s \\x00 \"quoted\" {unbalanced",
        "<script>alert(1)</script>",
        "NULL",
    ];
    for attack in attacks {
        app.registered(attack).await;
    }
    let listed: Vec<_> = app.recent_visits().await.iter().map(|visit| visit["user_agent"].clone()).collect();
    let expected: Vec<_> = attacks.iter().rev().copied().collect();
    assert_eq!(listed, expected);
    assert_eq!(count(&database.client().await, "access").await, i64::try_from(attacks.len()).unwrap());
}
