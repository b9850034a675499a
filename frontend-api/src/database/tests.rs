//! What is promised of statements and transactions, against a real PostgreSQL.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causeway_common::config::Vars;
use causeway_common::tasks::Place;
use causeway_testing::postgres::TestDatabase;
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn database(url: &str, more: &[(&str, &str)]) -> Database {
    database_in(Place::default(), url, more)
}

fn database_in(place: Place, url: &str, more: &[(&str, &str)]) -> Database {
    let generous = [("DB_CONNECT_TIMEOUT_MS", "15000"), ("DB_QUERY_TIMEOUT_MS", "15000"), ("DATABASE_URL", url)];
    let lookup: BTreeMap<&str, &str> = generous.into_iter().chain(more.iter().copied()).collect();
    let mut vars = Vars::new(&lookup);
    let loaded = DatabaseConfig::load(&mut vars);
    let (config, source) = vars.finish(loaded).unwrap();
    Database::new(Arc::new(config), Arc::new(CredentialsProvider::new(source, Arc::default())), place)
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
async fn a_connection_outlives_the_runtime_of_the_worker_that_asked_for_it() {
    let server = TestDatabase::create().await;
    let database = database_in(Handle::current().into(), server.url(), &[]);
    let worker = || {
        let database = database.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // The runtime ends with this closure.
        tokio::task::spawn_blocking(move || runtime.block_on(process(&database)))
    };
    let first = worker().await.unwrap();
    assert_eq!(worker().await.unwrap(), first);
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

#[test]
fn who_waits_for_the_database_waits_until_the_first_attempt_has_ended() {
    let availability = Availability::default();
    let ends = |waiting: Option<()>| waiting.is_some();
    let awaited = |available| ends(availability.until(available).now_or_never());
    let known = || ends(availability.until_known().now_or_never());
    assert!(!known() && !awaited(true) && !awaited(false));
    availability.lost(&DatabaseError::PoolExhausted);
    assert!(known() && !awaited(true) && awaited(false));
    assert!(availability.loss().is_some() && availability.available_since().is_none());
    availability.gained();
    assert!(known() && awaited(true) && !awaited(false));
    assert!(availability.loss().is_none() && availability.available_since().is_some());
}

#[test]
fn the_secret_is_read_if_app_runner_asks_for_it_or_there_is_no_password() {
    let plain = [("DB_HOST", "db.internal"), ("DB_USER", "app"), ("DBSECRETSNAME", "a-secret")];
    let reads_secret = |more: &[(&str, &str)]| {
        let lookup: BTreeMap<&str, &str> = plain.iter().chain(more).copied().collect();
        let mut vars = Vars::new(&lookup);
        let loaded = DatabaseConfig::load(&mut vars);
        let (_, source) = vars.finish(loaded).unwrap();
        matches!(source, CredentialsSource::Secret { .. })
    };
    assert!(reads_secret(&[]));
    assert!(reads_secret(&[("DB_PASS", "x"), ("APPRUNNERSERVICE", "1")]));
    assert!(!reads_secret(&[("DB_PASS", "x")]));
}

#[test]
fn a_port_is_one_that_a_peer_can_listen_on() {
    assert_eq!((parse_port("1"), parse_port("65535")), (Ok(1), Ok(65_535)));
    for text in ["0", "65536", "-1", "", "x"] {
        assert!(parse_port(text).is_err(), "{text}");
    }
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

async fn migrate(server: &TestDatabase, list: Vec<Migration>) -> Result<bool, DatabaseError> {
    migrations::Plan::new(engine::Engine::Postgres, vec![Migrations::new(list)]).apply(&server.client().await).await
}

fn table(version: i32, name: &'static str) -> Migration {
    Migration::repeatable(version, name, format!("CREATE TABLE IF NOT EXISTS {name} (n INT)"))
}

#[tokio::test]
async fn migrations_of_a_newer_version_are_accepted_and_missing_lower_ones_applied() {
    let server = TestDatabase::create().await;
    migrate(&server, vec![table(1, "one"), table(3, "three")]).await.unwrap();
    migrate(&server, vec![table(1, "one"), table(2, "two")]).await.unwrap();
    let sql = "SELECT string_agg(name, ' ' ORDER BY version) FROM causeway_migrations";
    let names: String = server.client().await.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(names, "one two three");
    server.client().await.batch_execute("SELECT * FROM one, two, three").await.unwrap();
}

#[tokio::test]
async fn a_migration_with_another_text_is_an_error_that_names_it() {
    let server = TestDatabase::create().await;
    migrate(&server, vec![table(1, "one")]).await.unwrap();
    let changed = Migration::repeatable(1, "one", "CREATE TABLE IF NOT EXISTS one (n BIGINT)");
    let error = migrate(&server, vec![changed]).await.unwrap_err();
    assert!(matches!(error, DatabaseError::MigrationChanged { .. }), "{error:?}");
    assert!(error.to_string().contains("V1__one"), "{error}");
}

#[tokio::test]
async fn an_atomic_migration_that_fails_changes_nothing_and_is_applied_when_it_can_be() {
    let server = TestDatabase::create().await;
    let list =
        || vec![Migration::atomic(1, "fill", "CREATE TABLE filled (n INT); INSERT INTO filled SELECT n FROM source")];
    let error = migrate(&server, list()).await.unwrap_err();
    assert!(error.to_string().contains("V1__fill"), "{error}");
    server.client().await.batch_execute("CREATE TABLE source AS SELECT 5 AS n").await.unwrap();
    migrate(&server, list()).await.unwrap();
    migrate(&server, list()).await.unwrap();
    let count: i64 = server.client().await.query_one("SELECT count(*) FROM filled", &[]).await.unwrap().get(0);
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_database_that_has_everything_is_migrated_while_another_session_holds_the_lock() {
    let server = TestDatabase::create().await;
    migrate(&server, vec![table(1, "one")]).await.unwrap();
    let holder = server.client().await;
    holder.batch_execute(&format!("SELECT pg_advisory_lock({})", migrations::ADVISORY_LOCK)).await.unwrap();
    migrate(&server, vec![table(1, "one")]).await.unwrap();
}

#[tokio::test]
async fn the_server_limits_statements_by_itself_and_a_pooler_that_refuses_that_is_served_without() {
    let (server, database) = with_table().await;
    let limit = async |database: &Database| {
        let show = async |c: &Connection| c.query_opt("SELECT current_setting('statement_timeout')", &[]).await;
        database.run(Lane::Shared, show).await.unwrap().unwrap().get::<_, String>(0)
    };
    assert_eq!(limit(&database).await, "16s");
    let pooler = pooler_without_options(&server).await;
    assert_eq!(limit(&self::database(&pooler, &[])).await, "0");
}

/// Passes sessions on as `PgBouncer` does: one that starts with `options` is refused. Returns the URL.
async fn pooler_without_options(server: &TestDatabase) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
    use tokio::net::{TcpListener, TcpStream};
    let config: tokio_postgres::Config = server.url().parse().unwrap();
    let tokio_postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else { panic!("reached by TCP") };
    let upstream = (host.clone(), config.get_ports()[0]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut url = ::url::Url::parse(server.url()).unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    url.set_query(Some("sslmode=disable"));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let upstream = upstream.clone();
            tokio::spawn(async move {
                let length = client.read_u32().await.unwrap();
                let mut start = vec![0; length as usize - 4];
                client.read_exact(&mut start).await.unwrap();
                if start.windows(8).any(|part| part == b"options\0") {
                    let fields = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
                    client.write_u8(b'E').await.unwrap();
                    client.write_u32(u32::try_from(fields.len()).unwrap() + 4).await.unwrap();
                    client.write_all(fields).await.unwrap();
                    return;
                }
                let mut server = TcpStream::connect(upstream).await.unwrap();
                server.write_u32(length).await.unwrap();
                server.write_all(&start).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    url.into()
}

#[tokio::test]
async fn one_refused_connection_does_not_condemn_those_that_work() {
    let (server, _) = with_table().await;
    let admin = server.client().await;
    let role = format!("{}_one", server.name());
    let sql = format!("CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 1; GRANT SELECT ON t TO {role}");
    admin.batch_execute(&sql).await.unwrap();
    let mut url = ::url::Url::parse(server.url()).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("x")).unwrap();
    let database = database(url.as_str(), &[]);
    database.availability.gained();
    let query = async |lane| {
        for _ in 0..5 {
            database.run(lane, async |c: &Connection| c.query("SELECT pg_sleep(0.01), n FROM t", &[]).await).await?;
        }
        Ok::<_, DatabaseError>(())
    };
    let all = tokio::join!(query(Lane::VisitWrites), query(Lane::VisitReads), query(Lane::Shared), query(Lane::Shared));
    assert!(matches!(all, (Ok(()), Ok(()), Ok(()), Ok(()))), "{all:?}");
    database.availability.check().unwrap();
    drop(database);
    let sql = format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
    admin.batch_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn requests_that_wait_for_a_lock_do_not_keep_the_database_unavailable() {
    let server = TestDatabase::create().await;
    let database = database(server.url(), &[("DB_POOL_SIZE", "5"), ("DB_CONNECT_TIMEOUT_MS", "5000")]);
    let (blocked, is_blocked) = tokio::sync::oneshot::channel();
    let request = {
        let database = database.clone();
        async move {
            let work = async |_: &Connection| {
                blocked.send(()).unwrap();
                std::future::pending::<Result<(), DatabaseError>>().await
            };
            database.run(Lane::Shared, work).await
        }
    };
    let request = tokio::spawn(request);
    is_blocked.await.unwrap();
    database.reach().await.unwrap();
    request.abort();
}

#[tokio::test]
async fn while_the_database_is_lost_no_statement_waits_for_a_connection() {
    let (_server, database) = with_table().await;
    database.availability.lost(&DatabaseError::PoolExhausted);
    let run: Result<(), _> = database.run(Lane::Shared, async |_: &Connection| Ok(())).await;
    assert!(matches!(run, Err(DatabaseError::Unavailable(_))), "{run:?}");
    let transaction: Result<(), _> = database.transaction(async |_: &Transaction<'_>| Ok(())).await;
    assert!(matches!(transaction, Err(DatabaseError::Unavailable(_))), "{transaction:?}");
}
