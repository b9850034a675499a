//! Databases that let one in and do not serve.

use crate::helpers::{DATABASE, Run, eventually};
use crate::server::Server;

const QUERY: &str = "query";
const WRITABLE: &str = "writable";

pub async fn the_table_is_not_there() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.execute("DROP TABLE access").await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, QUERY, "table-missing");
    assert!(run.evidence(DATABASE, QUERY).starts_with("SQLSTATE 42P01"));
    Some(run)
}

#[tokio::test]
async fn the_table_that_table_name_names_is_the_one_that_is_asked_for() {
    let server = Server::start().await;
    let run = server.doctor(&[("TABLE_NAME", "other_visits")]).await;
    run.assert_only(DATABASE, QUERY, "table-missing");
    assert!(run.evidence(DATABASE, QUERY).contains("other_visits"));
}

#[tokio::test]
async fn the_role_may_not_read_the_table() {
    let server = Server::start().await;
    server.postgres.execute("REVOKE SELECT ON access FROM app").await;
    server.doctor(&[]).await.assert_only(DATABASE, QUERY, "permission-denied");
}

#[tokio::test]
async fn the_role_may_not_use_the_schema() {
    let server = Server::start().await;
    server
        .postgres
        .execute("CREATE SCHEMA app; CREATE TABLE app.access (); REVOKE ALL ON SCHEMA public FROM PUBLIC")
        .await;
    // Nor is a schema that one may not enter told from one that does not exist.
    server.doctor(&[]).await.assert_only(DATABASE, QUERY, "table-missing");
}

pub async fn the_role_may_not_write_to_the_table() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.execute("REVOKE INSERT ON access FROM app").await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, WRITABLE, "permission-denied");
    Some(run)
}

pub async fn what_is_named_like_the_table_fails() -> Option<Run> {
    let server = Server::start().await;
    let view = "DROP TABLE access; GRANT CREATE ON SCHEMA public TO app; \
                CREATE VIEW access AS SELECT now() AS last_update WHERE 1 / (now() IS NULL)::int = 1; \
                GRANT SELECT ON access TO app";
    server.postgres.execute(view).await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, QUERY, "query-failed");
    assert!(run.evidence(DATABASE, QUERY).starts_with("SQLSTATE 22012"));
    Some(run)
}

pub async fn another_session_has_locked_the_table_and_the_doctors_own_ends() -> Option<Run> {
    let server = Server::start().await;
    let mut other = server.postgres.client().await;
    let transaction = other.transaction().await.unwrap();
    transaction.batch_execute("LOCK TABLE access IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, QUERY, "slow-query");
    // Though the lock is held still.
    eventually("the doctor's session ends", async || (server.sessions().await == 0).then_some(())).await;
    transaction.rollback().await.unwrap();
    server.doctor(&[]).await.assert_healthy();
    Some(run)
}

pub async fn a_writer_that_was_demoted() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.write("standby.signal", "").await;
    server.postgres.restart().await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, WRITABLE, "read-only-replica");
    assert!(run.stage(DATABASE, WRITABLE)["remedy"].as_str().unwrap().contains("writer endpoint"));
    Some(run)
}

pub async fn a_database_that_takes_no_writes() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.execute("ALTER DATABASE postgres SET default_transaction_read_only = on").await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, WRITABLE, "read-only");
    server.postgres.execute("SET transaction_read_only = off; ALTER DATABASE postgres RESET ALL").await;
    server.postgres.execute("ALTER ROLE app SET default_transaction_read_only = on").await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, WRITABLE, "read-only");
    Some(run)
}
