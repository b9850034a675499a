//! What is promised of statements, transactions and leases, against a real PostgreSQL.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causeway_common::config::Vars;
use causeway_common::tasks::Place;
use causeway_testing::postgres::TestDatabase;
use futures_util::FutureExt;
use tokio::time::{sleep, timeout};

use super::*;

mod connections;
mod migrations;

const PATIENCE: Duration = Duration::from_secs(20);

fn database(url: &str, more: &[(&str, &str)]) -> Database {
    database_in(Place::default(), url, more)
}

fn database_in(place: Place, url: &str, more: &[(&str, &str)]) -> Database {
    let (config, credentials) = config(url, more);
    Database::new(config, credentials, place)
}

fn config(url: &str, more: &[(&str, &str)]) -> (Arc<DatabaseConfig>, Arc<CredentialsProvider>) {
    let generous = [("DB_CONNECT_TIMEOUT_MS", "15000"), ("DB_QUERY_TIMEOUT_MS", "15000"), ("DATABASE_URL", url)];
    let lookup: BTreeMap<&str, &str> = generous.into_iter().chain(more.iter().copied()).collect();
    let mut vars = Vars::new(&lookup);
    let loaded = DatabaseConfig::load(&mut vars);
    let (config, source) = vars.finish(loaded).unwrap();
    (Arc::new(config), Arc::new(CredentialsProvider::new(source, Arc::default())))
}

/// An empty table `t (n int primary key)`, and the pool that uses it.
async fn with_table() -> (TestDatabase, Database) {
    let server = TestDatabase::create().await;
    server.client().await.batch_execute("CREATE TABLE t (n INT PRIMARY KEY)").await.unwrap();
    let database = database(server.url(), &[]);
    (server, database)
}

async fn rows(database: &Database) -> Vec<i32> {
    let rows = database.run(Lane::Shared, async |c: &Connection| c.query("SELECT n FROM t ORDER BY n", &[]).await);
    rows.await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn process(database: &Database) -> i32 {
    let sql = "SELECT pg_backend_pid()";
    let row = database.run(Lane::Shared, async |c: &Connection| c.query_opt(sql, &[]).await).await;
    row.unwrap().unwrap().get(0)
}

async fn insert(queries: &impl Queries, n: i32) -> Result<u64, DatabaseError> {
    queries.execute("INSERT INTO t VALUES ($1)", &[&n]).await
}
#[tokio::test]
async fn a_transaction_is_committed_when_its_work_succeeds_and_rolled_back_when_it_fails() {
    let (_server, database) = with_table().await;
    let committed = database.transaction(async |t: &Transaction<'_>| {
        insert(t, 1).await?;
        insert(t, 2).await
    });
    committed.await.unwrap();
    let failed: Result<(), _> = database
        .transaction(async |t: &Transaction<'_>| {
            insert(t, 3).await?;
            Err(DatabaseError::PoolExhausted)
        })
        .await;
    assert!(matches!(failed, Err(DatabaseError::PoolExhausted)), "{failed:?}");
    assert_eq!(rows(&database).await, [1, 2]);
}

#[tokio::test]
async fn a_transaction_in_which_a_statement_failed_is_an_error_even_if_its_work_succeeds() {
    let (_server, database) = with_table().await;
    let before = process(&database).await;
    let result = database
        .transaction(async |t: &Transaction<'_>| {
            insert(t, 1).await?;
            // A duplicate key. The work ignores the error.
            let _ = insert(t, 1).await;
            Ok::<_, DatabaseError>(())
        })
        .await;
    assert!(matches!(result, Err(DatabaseError::RolledBack)), "{result:?}");
    assert_eq!(rows(&database).await, [0; 0]);
    assert_eq!(process(&database).await, before, "the connection is as good as before");
}

#[tokio::test]
async fn a_transaction_in_which_a_statement_was_dropped_is_an_error_even_if_its_work_succeeds() {
    let (_server, database) = with_table().await;
    let result = database
        .transaction(async |t: &Transaction<'_>| {
            insert(t, 1).await?;
            drop(timeout(Duration::ZERO, t.query("SELECT pg_sleep(60)", &[])).await);
            Ok::<_, DatabaseError>(())
        })
        .await;
    assert!(matches!(result, Err(DatabaseError::RolledBack)), "{result:?}");
    assert_eq!(rows(&database).await, [0; 0]);
}

#[tokio::test]
async fn an_error_at_commit_is_an_error_of_the_transaction() {
    let (server, database) = with_table().await;
    let sql = "CREATE TABLE of_t (n INT REFERENCES t DEFERRABLE INITIALLY DEFERRED)";
    server.client().await.batch_execute(sql).await.unwrap();
    let result = database
        .transaction(async |t: &Transaction<'_>| {
            insert(t, 1).await?;
            t.execute("INSERT INTO of_t VALUES (7)", &[]).await
        })
        .await;
    assert!(result.as_ref().is_err_and(DatabaseError::refuses_data), "{result:?}");
    assert_eq!(rows(&database).await, [0; 0]);
}

#[tokio::test]
async fn a_connection_is_kept_after_an_error_in_the_data_and_dropped_after_others() {
    let (_server, database) = with_table().await;
    let before = process(&database).await;
    let failing = async |sql: &str| database.run(Lane::Shared, async |c: &Connection| c.execute(sql, &[]).await).await;
    failing("INSERT INTO t VALUES (NULL)").await.unwrap_err();
    failing("SELECT no_such_column FROM t").await.unwrap_err();
    assert_eq!(process(&database).await, before);
    failing("SELECT pg_terminate_backend(pg_backend_pid())").await.unwrap_err();
    assert_ne!(process(&database).await, before);
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_cancelled_and_its_connection_replaced() {
    let (server, _) = with_table().await;
    // Longer than this test waits, so that the server's own limit does not end the statement.
    let database = database(server.url(), &[("DB_QUERY_TIMEOUT_MS", "60000")]);
    let before = process(&database).await;
    let client = server.client().await;
    let locked = client.batch_execute("BEGIN; LOCK TABLE t").await;
    locked.unwrap();
    let waiting = database.run(Lane::Shared, async |c: &Connection| insert(c, 1).await);
    let blocked = "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND NOT granted";
    tokio::select! {
        result = waiting => panic!("nobody has released the lock: {result:?}"),
        () = until(&client, blocked, 1) => {}
    }
    // The lock is still held, so the statement ends only because it is cancelled.
    until(&client, blocked, 0).await;
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_ne!(process(&database).await, before);
    assert_eq!(rows(&database).await, [0; 0]);
}

async fn until(client: &tokio_postgres::Client, sql: &str, count: i64) {
    let reached = async {
        while client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) != count {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("waited in vain for {count}: {sql}"));
}

#[tokio::test]
async fn a_lane_that_is_busy_leaves_the_others_their_connections() {
    let (_server, database) = with_table().await;
    let running = std::cell::Cell::new(0);
    let hold = async |_: &Connection| {
        running.set(running.get() + 1);
        std::future::pending::<Result<(), DatabaseError>>().await
    };
    // DB_POOL_SIZE is 8: four are reserved, four shared.
    assert_eq!(database.shared_connections(), 4);
    assert!(database.has_free_connection(PATIENCE).await);
    let shared = futures_util::future::join_all((0..8).map(|_| database.run(Lane::Shared, &hold)));
    let reserved = [Lane::VisitWrites, Lane::VisitReads, Lane::Sessions, Lane::Diaries];
    let others = async {
        let four = async {
            while running.get() < 4 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, four).await.expect("four single requests are served at once");
        assert!(!database.has_free_connection(Duration::from_millis(50)).await);
        for lane in reserved {
            database.run(lane, async |c: &Connection| c.execute("SELECT 1", &[]).await).await.unwrap();
        }
        assert_eq!(running.get(), 4, "the others wait");
    };
    tokio::select! {
        biased;
        _ = shared => unreachable!("it holds its connections for ever"),
        () = others => {}
    }
}

#[tokio::test]
async fn a_batch_loop_borrows_half_of_the_shared_connections_and_none_that_single_requests_need() {
    let server = TestDatabase::create().await;
    for (pool_size, permits) in [("5", 1), ("6", 2), ("7", 2), ("8", 3)] {
        let database = database(server.url(), &[("DB_POOL_SIZE", pool_size)]);
        let all = || std::iter::from_fn(|| database.permit(Lane::VisitWrites).now_or_never()).collect::<Vec<_>>();
        assert_eq!(all().len(), permits, "of a pool of {pool_size}");
        let _batches = all();
        assert!(database.has_free_connection(Duration::ZERO).await);
    }
    let database = database(server.url(), &[]);
    let first = database.permit(Lane::VisitWrites).await;
    let shared = std::iter::from_fn(|| database.lanes.place(Lane::Shared).now_or_never()).collect::<Vec<_>>();
    assert_eq!(shared.len(), database.shared_connections(), "its reserved connection comes first");
    drop((first, shared));
    let _single = futures_util::future::join_all([(); 2].map(|()| database.lanes.place(Lane::Shared))).await;
    let _reserved = database.permit(Lane::VisitWrites).await;
    assert!(database.permit(Lane::VisitWrites).now_or_never().is_none(), "half of them are in use");
}

#[test]
fn each_batch_loop_has_a_connection_whatever_the_others_have() {
    let lanes = Lanes::new(5);
    let all = [Lane::VisitWrites, Lane::VisitReads, Lane::Sessions, Lane::Diaries, Lane::Shared];
    let places = all.map(|lane| lanes.place(lane).now_or_never());
    assert!(places.iter().all(Option::is_some));
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_ends_or_is_given_up() {
    const LONG: Duration = Duration::from_secs(3600);
    let server = TestDatabase::create().await;
    let table = "CREATE TABLE leases (name text PRIMARY KEY, holder text NOT NULL, expires_at timestamptz NOT NULL)";
    server.client().await.batch_execute(table).await.unwrap();
    let [one, other] = [(), ()].map(|()| database(server.url(), &[]));
    let takes = async |who: &Database, time, renewal| who.lease("work", time, renewal).await.unwrap();
    assert!(takes(&one, LONG, Renewal::Refused).await);
    assert!(!takes(&other, Duration::ZERO, Renewal::Allowed).await, "it belongs to another");
    assert!(!takes(&one, LONG, Renewal::Refused).await, "the work was done a while ago");
    assert!(takes(&one, LONG, Renewal::Allowed).await);
    other.end_lease("work").await.unwrap();
    assert!(!takes(&other, LONG, Renewal::Allowed).await, "only its holder gives it up");
    one.end_lease("work").await.unwrap();
    assert!(takes(&other, Duration::ZERO, Renewal::Allowed).await);
    assert!(takes(&one, LONG, Renewal::Allowed).await, "the other's has ended");
}
