//! Group commit: many visits in one transaction, and none pays for another.

use causeway_testing::postgres::TestDatabase;
use futures_util::future::join_all;
use reqwest::StatusCode;
use tokio_postgres::Client;

use crate::helpers::{App, count, eventually, problem, spawn_app_with, until_blocked, with_url};
use crate::sockets;

/// The service, which holds even a slow machine to no pace: what would be slow depends on this limit.
const PATIENT: (&str, &str) = ("REQUEST_TIMEOUT_MS", "300000");

/// However slow the last batch was, the next one may have so many visits.
const SMALLEST_LIMIT: usize = 32;

/// Registers all at the same time: the first one waits in the database alone until the service has read all others.
async fn register_at_once(app: &App, database: &TestDatabase, user_agents: &[String]) -> Vec<reqwest::Response> {
    let locker = database.client().await;
    locker.batch_execute("BEGIN; LOCK TABLE access IN SHARE MODE").await.unwrap();
    let (first, others) = user_agents.split_first().expect("visits to register");
    let register_others = async {
        until_blocked(&locker, 1).await;
        let release = async {
            let read = async || sockets::all_requests_read(app, user_agents.len()).then_some(());
            eventually("all requests are read", read).await;
            // Answered by the same workers, so they have had their turn with the rest.
            app.health().await;
            locker.batch_execute("COMMIT").await.unwrap();
        };
        tokio::join!(join_all(others.iter().map(|user_agent| app.register(user_agent))), release).0
    };
    let (first, others) = tokio::join!(app.register(first), register_others);
    std::iter::once(first).chain(others).collect()
}

fn visitors(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("visitor {n}")).collect()
}

async fn transactions(client: &Client) -> i64 {
    let sql = "SELECT count(DISTINCT xmin::text) FROM access";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn visits_that_wait_together_are_stored_in_one_transaction() {
    let (app, database) = spawn_app_with(&[("WORKERS", "1"), PATIENT]).await;
    for response in register_at_once(&app, &database, &visitors(1 + SMALLEST_LIMIT)).await {
        assert_eq!(response.status(), StatusCode::OK);
    }
    let client = database.client().await;
    assert_eq!(count(&client, "(SELECT DISTINCT user_agent FROM access) AS visitors").await, 33);
    assert_eq!(count(&client, "access").await, 33);
    assert_eq!(transactions(&client).await, 2, "one for the first visit, one for all others");
}

#[tokio::test]
async fn the_visits_of_several_workers_are_stored_together() {
    let (app, database) = spawn_app_with(&[("WORKERS", "3"), PATIENT]).await;
    for response in register_at_once(&app, &database, &visitors(1 + SMALLEST_LIMIT)).await {
        assert_eq!(response.status(), StatusCode::OK);
    }
    let client = database.client().await;
    assert_eq!(count(&client, "(SELECT DISTINCT user_agent FROM access) AS visitors").await, 33);
    // Two as with one worker, and one more for each other worker that has read its visits and not yet submitted them.
    let transactions = transactions(&client).await;
    assert!((2..=4).contains(&transactions), "{transactions} transactions");
}

#[tokio::test]
async fn a_batch_has_its_limit_and_what_is_beyond_it_is_stored_too() {
    let (app, database) = spawn_app_with(&[("WORKERS", "1"), PATIENT]).await;
    for response in register_at_once(&app, &database, &visitors(600)).await {
        assert_eq!(response.status(), StatusCode::OK);
    }
    let client = database.client().await;
    assert_eq!(count(&client, "(SELECT DISTINCT user_agent FROM access) AS visitors").await, 600);
    let sql = "SELECT max(n) FROM (SELECT count(*) AS n FROM access GROUP BY xmin::text) AS batches";
    let largest: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
    assert!(largest <= 512, "{largest} rows in a transaction");
}

/// The visits whose number `refused` says are answered 422, all others are stored.
async fn assert_neighbours_are_stored(app: &App, database: &TestDatabase, sent: &[String], refused: &[usize]) {
    let answers = register_at_once(app, database, sent).await;
    for (n, answer) in answers.into_iter().enumerate() {
        if refused.contains(&n) {
            problem(answer, StatusCode::UNPROCESSABLE_ENTITY, "visit-refused").await;
        } else {
            assert_eq!(answer.status(), StatusCode::OK, "visit {n}");
        }
    }
    let stored = count(&database.client().await, "access").await;
    assert_eq!(stored, i64::try_from(sent.len() - refused.len()).unwrap());
    // The connection is as good as before.
    app.registered("afterwards").await;
}

#[tokio::test]
async fn a_visit_that_a_constraint_refuses_leaves_its_neighbours_alone() {
    let (app, database) = spawn_app_with(&[PATIENT]).await;
    let sql = "ALTER TABLE access ADD CHECK (user_agent <> 'visitor 3' AND user_agent <> 'visitor 11')";
    database.client().await.batch_execute(sql).await.unwrap();
    assert_neighbours_are_stored(&app, &database, &visitors(16), &[3, 11]).await;
}

#[tokio::test]
async fn a_visit_that_a_trigger_refuses_leaves_its_neighbours_alone() {
    let (app, database) = spawn_app_with(&[PATIENT]).await;
    let sql = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
               $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
               CREATE TRIGGER refuse BEFORE INSERT ON access FOR EACH ROW
               WHEN (NEW.user_agent = 'visitor 5') EXECUTE FUNCTION refuse()";
    database.client().await.batch_execute(sql).await.unwrap();
    assert_neighbours_are_stored(&app, &database, &visitors(16), &[5]).await;
}

#[tokio::test]
async fn visits_that_are_all_refused_are_all_told_so() {
    let (app, database) = spawn_app_with(&[PATIENT]).await;
    let sql = "ALTER TABLE access ADD CHECK (user_agent = 'afterwards')";
    database.client().await.batch_execute(sql).await.unwrap();
    assert_neighbours_are_stored(&app, &database, &visitors(8), &[0, 1, 2, 3, 4, 5, 6, 7]).await;
}

#[tokio::test]
async fn a_narrower_column_refuses_what_is_too_long_for_it_alone() {
    let (app, database) = spawn_app_with(&[PATIENT]).await;
    let sql = "ALTER TABLE access ALTER COLUMN user_agent TYPE varchar(20)";
    database.client().await.batch_execute(sql).await.unwrap();
    let mut sent = visitors(6);
    sent[2] = "x".repeat(21);
    assert_neighbours_are_stored(&app, &database, &sent, &[2]).await;
}

/// A service on a database with another encoding than UTF-8.
async fn spawn_app_with_encoding(encoding: &str) -> (App, TestDatabase) {
    let database = TestDatabase::create().await;
    let name = database.name();
    let server = TestDatabase::create().await;
    let admin = server.client().await;
    admin.batch_execute(&format!("DROP DATABASE {name}")).await.unwrap();
    let sql = format!("CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0");
    admin.batch_execute(&sql).await.unwrap();
    let app = App::spawn(&with_url(database.url(), &[PATIENT])).await;
    app.until_ready().await;
    (app, database)
}

#[tokio::test]
async fn a_visit_that_the_databases_encoding_lacks_is_refused_alone() {
    let (app, database) = spawn_app_with_encoding("LATIN1").await;
    let mut sent = visitors(6);
    sent[1] = "日本".to_owned();
    sent[4] = "café".to_owned();
    assert_neighbours_are_stored(&app, &database, &sent, &[1]).await;
    let listed = app.recent_visits().await;
    assert!(listed.iter().any(|visit| visit["user_agent"] == "café"), "{listed:?}");
}

#[tokio::test]
async fn a_database_that_counts_bytes_refuses_only_what_is_too_long_in_bytes() {
    let (app, database) = spawn_app_with_encoding("SQL_ASCII").await;
    let mut sent = visitors(6);
    sent[1] = "日".repeat(83);
    sent[4] = "日".repeat(84);
    assert_neighbours_are_stored(&app, &database, &sent, &[4]).await;
    let listed = app.recent_visits().await;
    assert!(listed.iter().any(|visit| visit["user_agent"] == sent[1]), "{listed:?}");
}
