//! A database that refuses with 40001 at commit, as Aurora DSQL does: nothing was stored then, so the service tries again.

use causeway_testing::load::Load;
use causeway_testing::postgres::TestDatabase;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;

use crate::diary::created;
use crate::helpers::{App, count, problem, spawn_app, unavailable};
use crate::people::{PASSWORD, Person, sign_up, token_of};

/// Refuses this share of the rows that are inserted into or changed in the table, when their transaction commits.
async fn refuse(database: &TestDatabase, table: &str, share: f64) {
    let sql = format!(
        "CREATE OR REPLACE FUNCTION refuse_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF random() < {share} THEN RAISE EXCEPTION 'change conflicts with another transaction' USING ERRCODE = '40001'; END IF;
             RETURN NULL; END $$;
         DROP TRIGGER IF EXISTS refuse ON {table};
         CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION refuse_{table}()"
    );
    database.client().await.batch_execute(&sql).await.unwrap();
}

async fn conflicts(app: &App) -> u64 {
    let metrics = app.get("/metrics").await.text().await.unwrap();
    let count = metrics.lines().find_map(|line| line.strip_prefix("causeway_database_conflicts_total "));
    count.unwrap().parse().unwrap()
}

#[tokio::test]
async fn visits_that_a_conflict_refuses_are_stored_once_and_nobody_notices() {
    let (app, database) = spawn_app().await;
    refuse(&database, "access", 0.05).await;
    let mut load = Load::start(&app.url("/"), 16);
    load.until_registered(2000).await;
    let outcome = load.finish().await;
    outcome.assert_only(&[StatusCode::OK]);
    let client = database.client().await;
    outcome.assert_kept(&client).await;
    let twice = "SELECT count(*) FROM (SELECT FROM access GROUP BY user_agent HAVING count(*) > 1) twice";
    assert_eq!(client.query_one(twice, &[]).await.unwrap().get::<_, i64>(0), 0, "none is stored twice");
    assert!(conflicts(&app).await > 20);
}

#[tokio::test]
async fn users_sessions_and_diaries_go_through_conflicts_too() {
    let (app, database) = spawn_app().await;
    for table in ["users", "sessions", "diaries", "idempotency_keys"] {
        refuse(&database, table, 0.3).await;
    }
    let jane = Person::new(&app, "jane").await;
    let answers =
        join_all((0..40).map(async |n| jane.post_text(&app, &format!("text {n}"), Some(&format!("key-{n}"))).await));
    let mut path = String::new();
    for answer in answers.await {
        // What was rolled back has used up ids.
        path = format!("/diaries/{}", created(&app, answer).await["ID"]);
    }
    let client = database.client().await;
    assert_eq!((count(&client, "diaries").await, count(&client, "idempotency_keys").await), (40, 40));
    for n in 0..10 {
        assert_eq!(jane.put(&app, &path, json!({"text": format!("changed {n}")})).await.status(), StatusCode::OK);
    }
    let renamed =
        jane.put(&app, &jane.path(), json!({"password": "another long one", "currentPassword": PASSWORD})).await;
    token_of(renamed).await;
    assert_eq!(sign_up(&app, "john@example.com", PASSWORD).await.status(), StatusCode::CREATED);
    assert!(conflicts(&app).await > 20);
}

#[tokio::test]
async fn a_conflict_that_does_not_end_is_a_503_and_nothing_is_written() {
    let env = [("DB_QUERY_TIMEOUT_MS", "3000"), ("REQUEST_TIMEOUT_MS", "15000")];
    let (app, database) = crate::helpers::spawn_app_with(&env).await;
    let jane = Person::new(&app, "jane").await;
    refuse(&database, "access", 1.0).await;
    refuse(&database, "diaries", 1.0).await;
    let visit = unavailable(app.register("refused").await, "database-unavailable").await;
    assert!(visit["detail"].as_str().is_some_and(|detail| detail.contains("not recorded")), "{visit}");
    let diary = jane.post_text(&app, "refused", None).await;
    problem(diary, StatusCode::SERVICE_UNAVAILABLE, "database-unavailable").await;
    let client = database.client().await;
    assert_eq!((count(&client, "access").await, count(&client, "diaries").await), (0, 0));
    refuse(&database, "access", 0.0).await;
    app.registered("goes on").await;
}
