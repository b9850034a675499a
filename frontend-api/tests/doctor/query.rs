//! Databases that let one in and do not serve.

use crate::app::App;
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
                CREATE VIEW access AS SELECT now() AS last_update, NULL AS user_agent WHERE 1 / (now() IS NULL)::int = 1; \
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
    let holder = format!("process {} has an ACCESS EXCLUSIVE lock on access", pid_of(transaction.client()).await);
    assert!(run.evidence(DATABASE, QUERY).ends_with(&holder), "{:#}", run.report);
    // Though the lock is held still.
    eventually("the doctor's session ends", async || (server.sessions().await == 0).then_some(())).await;
    transaction.rollback().await.unwrap();
    server.doctor(&[]).await.assert_healthy();
    Some(run)
}

/// The process that serves this session.
async fn pid_of(client: &tokio_postgres::Client) -> i32 {
    client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_locked_table_that_requests_use_is_named_with_the_session_that_locks_it() {
    let server = Server::start_for_service().await;
    let app = App::ready(&server.env(&[])).await;
    let (holder, waiter) = (server.postgres.client().await, server.postgres.client().await);
    let pid = pid_of(&holder).await;
    for table in ["users", "sessions", "attempts", "diaries", "pictures", "idempotency_keys"] {
        holder.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
        let named = format!("process {pid} has an ACCESS EXCLUSIVE lock on {table}");
        // Not a report that was made before.
        let report = eventually("the lock is reported", async || {
            let run = Run::of_service(app.report().await);
            run.evidence(DATABASE, QUERY).ends_with(&named).then_some(run)
        });
        report.await.assert_failed(DATABASE, QUERY, "slow-query");
        server.doctor(&[]).await.assert_failed(DATABASE, QUERY, "slow-query");
        holder.batch_execute("ROLLBACK").await.unwrap();
    }
    // No request waits for work that the service does by itself.
    holder.batch_execute("BEGIN; LOCK TABLE leases IN ACCESS EXCLUSIVE MODE").await.unwrap();
    server.doctor(&[]).await.assert_healthy();
    holder.batch_execute("ROLLBACK").await.unwrap();

    // Requests wait behind whoever waits for the lock, although the holder lets others read.
    holder.batch_execute("BEGIN; SELECT FROM sessions").await.unwrap();
    let change = waiter.batch_execute("ALTER TABLE sessions ADD COLUMN more int");
    let meanwhile = async {
        let observer = server.postgres.client().await;
        let waits = "SELECT count(*) FROM pg_locks WHERE relation = 'sessions'::regclass AND NOT granted";
        let waits = async || (observer.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) > 0).then_some(());
        eventually("the change waits", waits).await;
        let run = server.doctor(&[]).await;
        holder.batch_execute("ROLLBACK").await.unwrap();
        run
    };
    let (changed, run) = tokio::join!(change, meanwhile);
    changed.unwrap();
    run.assert_failed(DATABASE, QUERY, "slow-query");
    let behind = format!("waits behind process {pid} for an ACCESS EXCLUSIVE lock on sessions");
    assert!(run.evidence(DATABASE, QUERY).contains(&behind), "{:#}", run.report);
    server.doctor(&[]).await.assert_healthy();
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

#[tokio::test]
async fn the_doctors_visit_is_rolled_back() {
    let server = Server::start().await;
    let run = server.doctor(&[]).await;
    run.assert_healthy();
    assert_eq!(run.evidence(DATABASE, WRITABLE), "\"access\" accepts a visit, which was rolled back");
    let count = server.postgres.client().await.query_one("SELECT count(*) FROM access", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 0);
}

pub async fn the_table_lacks_a_column() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.execute("ALTER TABLE access DROP COLUMN user_agent").await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, QUERY, "table-differs");
    Some(run)
}

#[tokio::test]
async fn a_column_of_another_type_is_noticed_by_writing() {
    let server = Server::start().await;
    server.postgres.execute("ALTER TABLE access ALTER COLUMN last_update TYPE bigint USING 0").await;
    server.doctor(&[]).await.assert_only(DATABASE, WRITABLE, "table-differs");
}

/// A deferred constraint would speak at COMMIT, which the doctor never reaches.
pub async fn a_deferred_trigger_refuses_the_visit() -> Option<Run> {
    let server = Server::start().await;
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no visits'; END $$; \
                  CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON access DEFERRABLE INITIALLY DEFERRED \
                  FOR EACH ROW EXECUTE FUNCTION refuse()";
    server.postgres.execute(refuse).await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, WRITABLE, "visit-refused");
    assert!(run.evidence(DATABASE, WRITABLE).contains("no visits"));
    Some(run)
}

#[tokio::test]
async fn a_constraint_or_one_more_column_refuses_the_visit() {
    let server = Server::start().await;
    server.postgres.execute("ALTER TABLE access ADD COLUMN tenant text NOT NULL").await;
    server.doctor(&[]).await.assert_only(DATABASE, WRITABLE, "visit-refused");
    server.postgres.execute("ALTER TABLE access DROP COLUMN tenant, ADD CHECK (user_agent LIKE 'Mozilla%')").await;
    server.doctor(&[]).await.assert_only(DATABASE, WRITABLE, "visit-refused");
}

#[tokio::test]
async fn row_level_security_refuses_the_visit() {
    let server = Server::start().await;
    server.postgres.execute("ALTER TABLE access ENABLE ROW LEVEL SECURITY").await;
    server.doctor(&[]).await.assert_only(DATABASE, WRITABLE, "permission-denied");
}

#[tokio::test]
async fn a_lock_that_only_writers_wait_for_is_noticed() {
    let server = Server::start().await;
    let mut other = server.postgres.client().await;
    let transaction = other.transaction().await.unwrap();
    transaction.batch_execute("LOCK TABLE access IN SHARE MODE").await.unwrap();
    server.doctor(&[]).await.assert_only(DATABASE, WRITABLE, "slow-query");
}

/// The server says so itself here, as a full disk makes it say so.
pub async fn the_disk_is_full() -> Option<Run> {
    let server = Server::start().await;
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$; \
                CREATE TRIGGER full_disk BEFORE INSERT ON access FOR EACH ROW EXECUTE FUNCTION full_disk()";
    server.postgres.execute(full).await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, WRITABLE, "disk-full");
    Some(run)
}
