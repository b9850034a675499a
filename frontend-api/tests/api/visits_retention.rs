//! `VISITS_RETENTION_DAYS`: old visits go in pieces, on one instance at a time, and only while the database is in use.

use causeway_testing::postgres::TestDatabase;
use tokio_postgres::Client;

use crate::helpers::{App, PATIENCE, count, eventually, spawn_app, with_url};

const OLD: i64 = 7000;

/// A database with old visits, newer ones, and some without a usable time.
async fn with_visits() -> (TestDatabase, Client) {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    let sql = "CREATE TABLE access (last_update TIMESTAMP, user_agent VARCHAR(250));
               INSERT INTO access SELECT (now() AT TIME ZONE 'utc') - interval '31 days' + n * interval '1 second', 'old'
                   FROM generate_series(1, 7000) n;
               INSERT INTO access VALUES ((now() AT TIME ZONE 'utc') - interval '29 days', 'newer'), (NULL, 'without'), ('infinity', 'never')";
    client.batch_execute(sql).await.unwrap();
    (database, client)
}

async fn spawn(database: &TestDatabase, env: &[(&str, &str)]) -> App {
    let env = [&[("VISITS_RETENTION_DAYS", "30")], env].concat();
    let app = App::spawn(&with_url(database.url(), &env)).await;
    app.until_ready().await;
    app.until_examined().await;
    app
}

#[tokio::test]
async fn old_visits_go_in_pieces_once_the_database_is_used() {
    let (database, client) = with_visits().await;
    let app = spawn(&database, &[]).await;
    assert_eq!(count(&client, "access").await, OLD + 3, "no request has used the database yet");
    // The last piece waits for its lock; those before it are committed.
    let locker = database.client().await;
    let lock = "BEGIN; SELECT FROM access WHERE user_agent = 'old' ORDER BY last_update DESC LIMIT 1 FOR UPDATE";
    locker.batch_execute(lock).await.unwrap();
    app.registered("uses the database").await;
    let rest = OLD - 2 * 3000 + 3 + 1;
    eventually("two pieces of 3,000 are gone", async || (count(&client, "access").await == rest).then_some(())).await;
    app.registered("visits go on meanwhile").await;
    locker.batch_execute("COMMIT").await.unwrap();
    eventually("what is younger stays", async || (count(&client, "access").await == 3 + 2).then_some(())).await;
    let removed = |line: &serde_json::Value| line["message"] == "removed old visits" && line["visits"] == OLD;
    app.service.wait_for_log(removed, PATIENCE).await;
    let metrics = app.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("\ncauseway_visits_removed_total 7000\n"), "{metrics}");
    eventually("the lease has ended", async || (leases(&client).await == 0).then_some(())).await;
}

async fn leases(client: &Client) -> i64 {
    let sql = "SELECT count(*) FROM leases WHERE name LIKE 'retention%'";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn between_two_pieces_it_rests_nine_times_as_long_as_the_first_took() {
    let (database, client) = with_visits().await;
    // Each removal takes at least 100 ms. On a slow machine it takes longer, and so does the rest.
    let slow = "CREATE TABLE begun (at TIMESTAMPTZ);
                CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    INSERT INTO begun VALUES (clock_timestamp()); PERFORM pg_sleep(0.1); RETURN NULL; END $$;
                CREATE TRIGGER slow BEFORE DELETE ON access FOR EACH STATEMENT EXECUTE FUNCTION slow()";
    client.batch_execute(slow).await.unwrap();
    let app = spawn(&database, &[]).await;
    app.registered("uses the database").await;
    eventually("three pieces have begun", async || (count(&client, "begun").await == 3).then_some(())).await;
    let shortest = "SELECT min(pause)::float8 FROM
                        (SELECT extract(epoch FROM at - lag(at) OVER (ORDER BY at)) AS pause FROM begun) pauses";
    let shortest: f64 = client.query_one(shortest, &[]).await.unwrap().get(0);
    assert!(shortest >= 1.0, "{shortest} s");
}

#[tokio::test]
async fn a_run_that_removes_nothing_is_not_logged() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    let mut app = spawn(&database, &[]).await;
    let note_the_end = "CREATE TABLE ended (name TEXT);
                        CREATE FUNCTION ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                            INSERT INTO ended VALUES (OLD.name); RETURN OLD; END $$;
                        CREATE TRIGGER ended BEFORE DELETE ON leases FOR EACH ROW EXECUTE FUNCTION ended()";
    client.batch_execute(note_the_end).await.unwrap();
    app.registered("uses the database").await;
    let runs = "ended WHERE name LIKE 'retention%'";
    eventually("the run has ended its lease", async || (count(&client, runs).await == 1).then_some(())).await;
    // It writes what is left of the log.
    assert!(app.service.stop().await.success());
    let logs = app.service.logs();
    assert!(!logs.iter().any(|line| line["message"] == "removed old visits"), "{logs:?}");
}

#[tokio::test]
async fn while_another_instance_has_the_lease_nothing_is_removed() {
    let (database, client) = with_visits().await;
    let app = spawn(&database, &[("RUST_LOG", "info,frontend_api::visits=debug")]).await;
    let lease = "INSERT INTO leases VALUES ('retention of \"access\"', 'another', now() + interval '1 hour')";
    client.execute(lease, &[]).await.unwrap();
    app.registered("uses the database").await;
    let other = |line: &serde_json::Value| line["message"] == "another instance removes old visits";
    app.service.wait_for_log(other, PATIENCE).await;
    assert_eq!(count(&client, "access").await, OLD + 4);
    assert_eq!(leases(&client).await, 1, "it is the other's");
}

#[tokio::test]
async fn without_the_variable_every_visit_is_kept() {
    let (app, database) = spawn_app().await;
    let client = database.client().await;
    client.execute("INSERT INTO access VALUES ('1970-01-01', 'very old')", &[]).await.unwrap();
    app.registered("uses the database").await;
    // It would begin together with the sweep, whose first statement makes this lease.
    let swept = "SELECT count(*) FILTER (WHERE name = 'sweep') = 0 AND count(*) = 1 FROM leases";
    let is_over = async || client.query_one(swept, &[]).await.unwrap().get::<_, bool>(0).then_some(());
    eventually("the sweep is over", is_over).await;
    assert_eq!(count(&client, "access").await, 2);
    assert_eq!(leases(&client).await, 0);
}
