//! The tables: made at start, or taken over.

use causeway_testing::postgres::{OwnPostgres, TestDatabase, connect};
use reqwest::StatusCode;
use serde_json::json;
use tokio_postgres::Client;

use crate::aws::password_of;
use crate::config::refused;
use crate::helpers::{App, PATIENCE, count, eventually, spawn_app, with_url};

/// The definitions of the table's indexes that PostgreSQL uses.
async fn indexes(client: &Client) -> Vec<String> {
    let sql = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'access'::regclass AND indisvalid";
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

const NEWEST: &str = "CREATE INDEX access_newest ON public.access USING btree (last_update)";

/// Returns once the only index is the ascending one.
async fn until_ascending(client: &Client) {
    eventually("only the ascending index", async || (indexes(client).await == [NEWEST]).then_some(())).await;
}

#[tokio::test]
async fn the_table_is_made_as_system_a_has_it_with_an_index_for_the_newest() {
    let (_app, database) = spawn_app().await;
    let client = database.client().await;
    let sql = "SELECT column_name::text, data_type::text, character_maximum_length::int4, is_nullable::text \
               FROM information_schema.columns WHERE table_name = 'access' ORDER BY ordinal_position";
    let columns: Vec<(String, String, Option<i32>, String)> = client
        .query(sql, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    let column = |name: &str, kind: &str, length| (name.to_owned(), kind.to_owned(), length, "YES".to_owned());
    let expected = [
        column("last_update", "timestamp without time zone", None),
        column("user_agent", "character varying", Some(250)),
    ];
    assert_eq!(columns, expected);
    assert_eq!(indexes(&client).await, [NEWEST]);
}

#[tokio::test]
async fn the_table_that_system_a_left_is_taken_over_with_its_rows() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    let sql = "CREATE TABLE access (last_update TIMESTAMP, user_agent VARCHAR(250));
               INSERT INTO access VALUES ('2023-01-02 03:04:05.000006', 'of system A'), (NULL, 'without a time'),
                                         ('2023-01-02 03:04:05.5', NULL)";
    client.batch_execute(sql).await.unwrap();
    let app = App::spawn(&[("DATABASE_URL", database.url())]).await;
    app.until_ready().await;

    assert_eq!(indexes(&client).await, [NEWEST]);
    assert_eq!(count(&client, "access").await, 3);
    let expected = [
        json!({"timestamp": "2023-01-02 03:04:05.500000", "user_agent": null}),
        json!({"timestamp": "2023-01-02 03:04:05.000006", "user_agent": "of system A"}),
    ];
    assert_eq!(app.recent_visits().await, expected);
    app.registered("of ours").await;
    assert_eq!(app.recent_visits().await[0]["user_agent"], "of ours");
}

#[tokio::test]
async fn times_that_cannot_be_shown_hide_no_other_visit() {
    let (app, database) = spawn_app().await;
    let sql =
        "INSERT INTO access VALUES ('infinity', 'no end'), ('-infinity', 'no beginning'), ('0044-03-15 BC', 'Caesar'),
                                         ('10000-01-01', 'later'), ('0001-01-01', 'first'),
                                         ('9999-12-31 23:59:59.999999', 'last')";
    database.client().await.batch_execute(sql).await.unwrap();
    app.registered("now").await;
    let listed: Vec<_> = app.recent_visits().await.iter().map(|visit| visit["user_agent"].clone()).collect();
    assert_eq!(listed, ["last", "now", "first"]);
}

#[tokio::test]
async fn a_restart_finds_everything_as_it_was() {
    let (mut first, database) = spawn_app().await;
    first.registered("before").await;
    assert!(first.service.stop().await.success());
    let mut second = App::spawn(&[("DATABASE_URL", database.url())]).await;
    second.until_ready().await;
    assert_eq!(second.recent_visits().await[0]["user_agent"], "before");
    assert!(second.service.stop().await.success());
    let newer = |line: &serde_json::Value| line["message"] == "a newer version has migrated this database";
    assert!(!second.service.logs().iter().any(newer), "{:?}", second.service.logs());
}

#[tokio::test]
async fn instances_that_start_at_once_all_become_ready() {
    for _ in 0..3 {
        let database = TestDatabase::create().await;
        let env = [("DATABASE_URL", database.url())];
        let apps = futures_util::future::join_all((0..4).map(|_| App::spawn(&env))).await;
        for app in &apps {
            app.until_ready().await;
            let failed = |line: &serde_json::Value| line["message"] == "trying the database again";
            assert!(!app.service.logs().iter().any(failed), "{:?}", app.service.logs());
            app.registered("one of several").await;
        }
        assert_eq!(count(&database.client().await, "access").await, 4);
    }
}

#[tokio::test]
async fn a_large_table_gets_the_ascending_index_while_visits_are_recorded() {
    let database = TestDatabase::create().await;
    let (client, mut other) = (database.client().await, database.client().await);
    migrated_before(&client, "").await;
    // The build waits for this transaction, as long as it lasts.
    let transaction = other.transaction().await.unwrap();
    transaction.execute("INSERT INTO access VALUES (now(), 'of an older version')", &[]).await.unwrap();

    let app = App::spawn(&[("DATABASE_URL", database.url())]).await;
    app.until_ready().await;
    let building = "SELECT FROM pg_index WHERE indexrelid = to_regclass('access_newest') AND NOT indisvalid";
    let found = async || client.query_opt(building, &[]).await.unwrap();
    eventually("the build has begun", found).await;
    app.registered("during the build").await;
    assert_eq!(app.recent_visits().await[0]["user_agent"], "during the build");

    transaction.commit().await.unwrap();
    until_ascending(&client).await;
}

#[tokio::test]
async fn an_index_whose_build_was_interrupted_is_built_again() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    migrated_before(&client, "").await;
    client.batch_execute("INSERT INTO access VALUES ('2020-01-01', 'twice'), ('2020-01-01', 'twice')").await.unwrap();
    // It fails at the second row, and leaves an index of this name that is not valid.
    client.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY access_newest ON access (last_update)").await.unwrap_err();
    let app = App::spawn(&[("DATABASE_URL", database.url())]).await;
    app.until_ready().await;
    until_ascending(&client).await;
}

#[tokio::test]
async fn a_build_that_fails_is_tried_again_after_pauses_that_double_while_visits_are_recorded() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    migrated_before(&client, "").await;
    let no_index = "CREATE FUNCTION no_index() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
                        IF current_query() LIKE '%access_newest%' THEN RAISE 'not now'; END IF; END $$;
                    CREATE EVENT TRIGGER no_index ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION no_index()";
    client.batch_execute(no_index).await.unwrap();
    let app = App::spawn(&[("DATABASE_URL", database.url())]).await;
    app.until_ready().await;
    let pauses = eventually("the build has failed three times", async || {
        let logs = app.service.logs();
        let failures = logs.iter().filter(|line| line["message"] == "the background migration failed");
        let pauses: Vec<_> = failures.map(|line| line["pause"].as_str().unwrap_or_default().to_owned()).collect();
        (pauses.len() >= 3).then_some(pauses)
    })
    .await;
    assert_eq!(pauses[..3], ["1s", "2s", "4s"]);
    app.registered("meanwhile").await;
    client.batch_execute("DROP EVENT TRIGGER no_index").await.unwrap();
    until_ascending(&client).await;
}

/// The history of a database that version 0.1.0 has migrated, and further rows of it.
async fn migrated_before(client: &Client, more: &str) {
    let sql = format!(
        "CREATE TABLE access (last_update TIMESTAMP, user_agent VARCHAR(250));
         CREATE INDEX access_last_update ON access (last_update DESC);
         CREATE TABLE access_migrations
             (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));
         INSERT INTO access_migrations VALUES
             (1, 'visits', '2026-11-25T21:35:57.576463266Z', '16007191079979753899') {more};"
    );
    client.batch_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn a_database_that_an_earlier_and_a_newer_version_have_migrated_is_used() {
    let database = TestDatabase::create().await;
    migrated_before(&database.client().await, ", (99, 'of_the_future', '2030-01-01T00:00:00Z', '1')").await;
    let app = App::spawn(&[("DATABASE_URL", database.url())]).await;
    app.until_ready().await;
    app.registered("curl").await;
    let said = |line: &serde_json::Value| line["message"] == "a newer version has migrated this database";
    let line = app.service.wait_for_log(said, PATIENCE).await;
    assert_eq!(line["migrations"], "V99__of_the_future");
    assert_eq!(app.service.logs().iter().filter(|line| said(line)).count(), 1);
}

#[tokio::test]
async fn a_migration_that_was_applied_with_another_text_is_named() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    migrated_before(&client, "").await;
    client.batch_execute("UPDATE access_migrations SET checksum = '5'").await.unwrap();
    let app = App::spawn(&[("DATABASE_URL", database.url())]).await;
    let problem = app.database_problem().await;
    assert!(problem.contains("V1__visits") && problem.contains("access_migrations"), "{problem}");
    assert_eq!(app.ready().await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_table_that_vanished_is_an_error_and_not_a_success() {
    let (app, database) = spawn_app().await;
    let client = database.client().await;
    client.batch_execute("ALTER TABLE access RENAME TO gone").await.unwrap();
    assert_eq!(app.register("curl").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.get("/recent-visits").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    client.batch_execute("ALTER TABLE gone RENAME TO access").await.unwrap();
    app.registered("curl").await;
}

/// The server's URL with another database.
fn url_of(server: &OwnPostgres, database: &str) -> String {
    let (base, _) = server.url().rsplit_once('/').unwrap();
    format!("{base}/{database}")
}

/// With `env`, a visit ends up in this database.
async fn assert_uses(server: &OwnPostgres, env: &[(&str, &str)], database: &str) {
    let app = App::spawn(env).await;
    app.until_ready().await;
    let client = connect(&url_of(server, database)).await;
    let before = count(&client, "access").await;
    app.registered("curl").await;
    assert_eq!(count(&client, "access").await, before + 1, "{database}");
}

#[tokio::test]
async fn the_databases_name_is_db_name_else_the_secrets_else_apprunnerdemo() {
    let server = OwnPostgres::start().await;
    for name in ["apprunnerdemo", "of_secret", "of_variable", "of_url"] {
        server.execute(&format!("CREATE DATABASE {name}")).await;
    }
    let password = password_of(&server);
    let port = server.port().to_string();
    let secret = |more: &str| {
        format!(r#"{{"username":"postgres","password":"{password}","host":"127.0.0.1","port":{port}{more}}}"#)
    };
    let (named, unnamed) = (secret(r#","dbname":"of_secret""#), secret(""));
    let plain = [("DB_HOST", "127.0.0.1"), ("DB_PORT", &port), ("DB_USER", "postgres"), ("DB_PASS", &password)];

    assert_uses(&server, &plain, "apprunnerdemo").await;
    assert_uses(&server, &[&plain[..], &[("DB_NAME", "of_variable")]].concat(), "of_variable").await;
    assert_uses(&server, &[("DBSECRETSNAME", &unnamed)], "apprunnerdemo").await;
    assert_uses(&server, &[("DBSECRETSNAME", &named)], "of_secret").await;
    let both = [("DBSECRETSNAME", named.as_str()), ("DB_NAME", "of_variable")];
    assert_uses(&server, &both, "of_variable").await;
    assert_uses(&server, &with_url(&url_of(&server, "of_url"), &both), "of_url").await;
}

#[tokio::test]
async fn no_name_of_another_table_or_index_is_taken_for_the_visits() {
    let (_app, database) = spawn_app().await;
    let client = database.client().await;
    until_ascending(&client).await;
    let sql = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname <> 'access'";
    let names: Vec<String> = client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in &names {
        let refused = refused(&[("DATABASE_URL", database.url()), ("TABLE_NAME", name)]).await;
        assert_eq!(refused.len(), 1, "{name}: {refused:?}");
    }
}
