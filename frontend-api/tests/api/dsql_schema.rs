//! The tables on Aurora DSQL: each change of the schema is a transaction by itself, and indexes are built afterwards.

use std::collections::BTreeSet;

use causeway_testing::tokens::TokenServer;
use futures_util::future::join_all;
use reqwest::StatusCode;

use crate::dsql::{conflicts, spawn};
use crate::helpers::{count, eventually};

#[tokio::test]
async fn instances_that_start_at_once_make_the_tables_together() {
    let server = TokenServer::start_as_dsql().await;
    let apps = join_all((0..3).map(|_| spawn(&server, &[]))).await;
    for app in &apps {
        app.until_ready().await;
        app.registered("curl").await;
    }
    let client = server.postgres.client().await;
    assert_eq!(count(&client, "access").await, 3);
    let rows = count(&client, "causeway_migrations").await;
    drop(apps);
    // The next one finds all of it done.
    let app = spawn(&server, &[]).await;
    app.until_ready().await;
    assert_eq!(count(&client, "causeway_migrations").await, rows);
}

#[tokio::test]
async fn an_index_that_dsql_does_not_build_is_tried_again() {
    let server = TokenServer::start_as_dsql().await;
    let client = server.postgres.client().await;
    let no_index = "CREATE FUNCTION no_index() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
                        IF current_query() LIKE '%access_newest%' THEN RAISE 'not now'; END IF; END $$;
                    CREATE EVENT TRIGGER no_index ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION no_index()";
    client.batch_execute(no_index).await.unwrap();
    let app = spawn(&server, &[]).await;
    let problem = app.database_problem().await;
    assert!(problem.contains("V2__newest"), "{problem}");
    client.batch_execute("DROP EVENT TRIGGER no_index").await.unwrap();
    app.until_ready().await;
    assert_eq!(count(&client, "pg_indexes WHERE indexname = 'access_newest'").await, 1);
}

#[tokio::test]
async fn a_change_of_the_schema_that_another_one_overtook_runs_again() {
    let server = TokenServer::start_as_dsql().await;
    let client = server.postgres.client().await;
    // A sequence keeps its value when the transaction is rolled back.
    let overtaken = "CREATE SEQUENCE begun;
                     CREATE FUNCTION overtaken() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
                         IF nextval('begun') <= 2 THEN
                             RAISE 'schema has been updated by another transaction (OC001)' USING ERRCODE = '40001';
                         END IF; END $$;
                     CREATE EVENT TRIGGER overtaken ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION overtaken()";
    client.batch_execute(overtaken).await.unwrap();
    let app = spawn(&server, &[]).await;
    app.until_ready().await;
    assert_eq!(conflicts(&app).await, 2);
    let logs = app.service.logs();
    assert!(!logs.iter().any(|line| line["message"] == "trying the database again"), "{logs:?}");
}

/// PostgreSQL builds it at once, so that a trigger marks it as one that is not complete.
#[tokio::test]
async fn an_index_that_dsql_builds_after_its_statement_is_waited_for() {
    let server = TokenServer::start_as_dsql().await;
    let client = server.postgres.client().await;
    let incomplete = "CREATE FUNCTION incomplete() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
                          UPDATE pg_index SET indisvalid = false
                              WHERE indexrelid IN (SELECT objid FROM pg_event_trigger_ddl_commands()); END $$;
                      CREATE EVENT TRIGGER incomplete ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION incomplete()";
    client.batch_execute(incomplete).await.unwrap();
    let app = spawn(&server, &[]).await;
    let look = "SELECT max(query_start)::text FROM pg_stat_activity \
                WHERE usename = 'app' AND starts_with(query, 'SELECT EXISTS (SELECT FROM pg_index')";
    let mut looks = BTreeSet::new();
    eventually("the service has looked at the index twice", async || {
        looks.extend(client.query_one(look, &[]).await.unwrap().get::<_, Option<String>>(0));
        (looks.len() >= 2).then_some(())
    })
    .await;
    assert_eq!(count(&client, "pg_index WHERE NOT indisvalid").await, 1, "it is the first and waited for");
    assert_eq!(app.ready().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    client.batch_execute("DROP EVENT TRIGGER incomplete; UPDATE pg_index SET indisvalid = true").await.unwrap();
    app.until_ready().await;
}
