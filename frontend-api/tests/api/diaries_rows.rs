//! How rows of diaries are found, and how those of a deleted account go.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio_postgres::Client;

use crate::diary::{BUCKET, assert_whole, jpeg, spawn_with_bucket};
use crate::helpers::{App, count, eventually, spawn_app};
use crate::people::{PASSWORD, Person, sign_in, sign_up};

/// The text of the statement that begins so, which the service runs last when it is asked for this path.
async fn statement(app: &App, client: &Client, token: &str, path: &str, begin: &str) -> String {
    let sql = "SELECT query FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name = 'causeway-frontend-api' AND starts_with(query, $1)";
    let row = eventually("the service has run the statement", async || {
        app.send(Method::GET, path, Some(token), None).await;
        client.query_opt(sql, &[&begin]).await.unwrap()
    });
    row.await.get(0)
}

/// The plan for any parameters, as a prepared statement gets it after some runs.
async fn generic_plan(client: &Client, sql: &str, parameters: &str) -> String {
    client.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
    client.batch_execute(&format!("PREPARE it AS {sql}")).await.unwrap();
    let plan = client.query(&format!("EXPLAIN EXECUTE it ({parameters})"), &[]).await.unwrap();
    client.batch_execute("DEALLOCATE it").await.unwrap();
    plan.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn ones_own_newest_come_from_the_index_whatever_the_plan_is_made_for() {
    let (app, database) = spawn_app().await;
    let client = database.client().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    jane.writes(&app, "the oldest").await;
    // The rows of another user are newer: a plan by id alone would read all of them first.
    let insert = "INSERT INTO diaries (user_id, text) SELECT $1, 'text ' || n FROM generate_series(1, 20000) n";
    client.execute(insert, &[&john.id]).await.unwrap();
    client.batch_execute("ANALYZE diaries; ANALYZE users; ANALYZE sessions").await.unwrap();

    let list = statement(&app, &client, &jane.token, "/diaries", "SELECT asked.place").await;
    let plan = generic_plan(&client, &list, &format!("ARRAY[{}], ARRAY[9000000], ARRAY[20], 4000", jane.id)).await;
    assert!(plan.contains("Index Scan Backward using diaries_pkey on diaries"), "{plan}");
    assert!(plan.contains("Index Cond: ((user_id = asked.owner) AND (id < asked.before))"), "{plan}");
    assert!(!plan.contains("Seq Scan"), "{plan}");

    let nobody = "x".repeat(43);
    let look_up = statement(&app, &client, &nobody, "/diaries", "SELECT token_hash").await;
    client.batch_execute("SET enable_seqscan = off").await.unwrap();
    let plan = generic_plan(&client, &look_up, "ARRAY['\\x00']::bytea[], 1, 1").await;
    assert!(plan.contains("sessions_pkey"), "{plan}");
}

#[tokio::test]
async fn a_deleted_account_is_gone_at_once_and_its_diaries_go_in_pieces() {
    let (app, database, s3) = spawn_with_bucket().await;
    let client = database.client().await;
    let jane = Person::new(&app, "jane").await;
    for _ in 0..2 {
        jane.writes_with_picture(&app, "with a picture", &jpeg()).await;
    }
    let insert = "INSERT INTO diaries (user_id, text) SELECT $1, 'text ' || n FROM generate_series(1, 998) n";
    client.execute(insert, &[&jane.id]).await.unwrap();
    let locker = database.client().await;
    locker.batch_execute("BEGIN; SELECT FROM diaries WHERE id = 1000 FOR UPDATE").await.unwrap();

    jane.leaves(&app).await;
    assert!(!jane.is_signed_in(&app).await);
    assert_eq!(sign_in(&app, &jane.email, PASSWORD).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(sign_up(&app, &jane.email, PASSWORD).await.status(), StatusCode::CREATED, "the email is free");
    let again =
        Person { token: crate::people::token_of(sign_in(&app, &jane.email, PASSWORD).await).await, ..jane.clone() };
    let users: Value = app.send(Method::GET, "/users", Some(&again.token), None).await.json().await.unwrap();
    assert_eq!(users["data"].as_array().unwrap().len(), 1, "{users}");
    assert_eq!(again.get(&app, &jane.path()).await.status(), StatusCode::NOT_FOUND);

    // The last piece waits for the lock; those before it are committed.
    eventually("the other pieces are gone", async || (count(&client, "diaries").await == 100).then_some(())).await;
    assert_eq!(count(&client, "users").await, 2, "the row goes last");
    locker.batch_execute("COMMIT").await.unwrap();
    eventually("all is gone", async || {
        // An object goes before its row.
        let left = (count(&client, "users").await, count(&client, "pictures").await);
        (left == (1, 0) && s3.keys(BUCKET).unwrap().is_empty()).then_some(())
    })
    .await;
    assert_eq!(count(&client, "diaries").await, 0);
    assert_whole(&database, &s3).await;
}
