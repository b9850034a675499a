//! Recording a visit and listing the newest.

use causeway_testing::postgres::TestDatabase;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_postgres::Client;

use crate::helpers::{count, spawn_app, spawn_app_with};

async fn stored(client: &Client, user_agent: &str) -> i64 {
    let sql = "SELECT count(*) FROM access WHERE user_agent = $1";
    client.query_one(sql, &[&user_agent]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_visit_is_answered_as_system_a_answers_it() {
    let (app, _database) = spawn_app().await;
    let response = app.register("curl/7.88.1").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"Response": "Registered request"}));
}

#[tokio::test]
async fn a_visit_is_in_the_table_when_its_answer_comes() {
    let (app, database) = spawn_app().await;
    let client = database.client().await;
    for n in 0..50 {
        let user_agent = format!("visitor {n}");
        app.registered(&user_agent).await;
        assert_eq!(stored(&client, &user_agent).await, 1);
    }
    assert_eq!(count(&client, "access").await, 50);
}

#[tokio::test]
async fn recent_visits_are_listed_as_system_a_lists_them() {
    let (app, _database) = spawn_app().await;
    let before = OffsetDateTime::now_utc();
    app.registered("curl/7.88.1").await;
    let after = OffsetDateTime::now_utc();

    let visits = app.recent_visits().await;
    assert_eq!(visits.len(), 1);
    let keys: Vec<_> = visits[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["timestamp", "user_agent"]);
    assert_eq!(visits[0]["user_agent"], "curl/7.88.1");
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]");
    let text = visits[0]["timestamp"].as_str().unwrap();
    let at = PrimitiveDateTime::parse(text, format).unwrap_or_else(|error| panic!("{text}: {error}")).assume_utc();
    // The text has microseconds, the clock has more.
    assert!(at >= before - time::Duration::microseconds(1) && at <= after, "{before} {at} {after}");
}

#[tokio::test]
async fn without_visits_the_list_is_empty() {
    let (app, _database) = spawn_app().await;
    assert_eq!(app.get("/recent-visits").await.json::<Value>().await.unwrap(), json!({"Response": []}));
}

#[tokio::test]
async fn the_ten_newest_visits_are_listed_newest_first() {
    let (app, _database) = spawn_app().await;
    for n in 0..13 {
        app.registered(&format!("visitor {n}")).await;
    }
    let listed: Vec<_> = app.recent_visits().await.iter().map(|visit| visit["user_agent"].clone()).collect();
    let expected: Vec<_> = (3..13).rev().map(|n| format!("visitor {n}")).collect();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn a_timestamp_is_utc_whatever_the_databases_time_zone() {
    let database = TestDatabase::create().await;
    let sql = format!("ALTER DATABASE {} SET timezone TO 'Asia/Tokyo'", database.name());
    database.client().await.batch_execute(&sql).await.unwrap();
    let app = crate::helpers::App::spawn(&[("DATABASE_URL", database.url())]).await;
    app.until_ready().await;
    app.registered("curl").await;

    let sql = "SELECT abs(extract(epoch FROM last_update - (now() AT TIME ZONE 'UTC')))::float8 FROM access";
    let difference: f64 = database.client().await.query_one(sql, &[]).await.unwrap().get(0);
    assert!(difference < 600.0, "off by {difference} s");
}

#[tokio::test]
async fn what_is_listed_is_never_older_than_the_request_for_it() {
    let (app, _database) = spawn_app().await;
    for round in 0..20 {
        let names: Vec<_> = (0..5).map(|n| format!("round {round} visitor {n}")).collect();
        let asking = names.iter().map(async |name| {
            app.registered(name).await;
            app.recent_visits().await
        });
        for (visits, name) in futures_util::future::join_all(asking).await.iter().zip(&names) {
            assert!(visits.iter().any(|visit| visit["user_agent"] == *name), "{name} is not in {visits:?}");
        }
    }
}

#[tokio::test]
async fn head_wrong_methods_and_unknown_paths_record_nothing() {
    let (app, database) = spawn_app().await;
    for method in [Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        assert_eq!(app.request(method, "/").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    for path in ["/nothing", "//", "/index.html", "/favicon.ico", "/recent-visits/", "/%2F"] {
        assert_eq!(app.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/health", "/ready", "/recent-visits", "/docs", "/openapi.json"] {
        app.get(path).await;
    }
    app.registered("the only one").await;
    assert_eq!(count(&database.client().await, "access").await, 1);
}

#[tokio::test]
async fn another_table_can_be_used() {
    let (app, database) = spawn_app_with(&[("TABLE_NAME", "order")]).await;
    app.registered("a reserved word is no trouble").await;
    assert_eq!(app.recent_visits().await.len(), 1);
    let client = database.client().await;
    assert_eq!(count(&client, "\"order\"").await, 1);
    let access: Option<String> = client.query_one("SELECT to_regclass('access')::text", &[]).await.unwrap().get(0);
    assert_eq!(access, None, "the usual table is not made");
}
