//! When a connection is made, with what settings, and when the database counts as unavailable.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::FutureExt;
use tokio::runtime::Handle;

use super::*;
use crate::database::connector::for_migrations;

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

async fn statement_timeout(database: &Database) -> String {
    let show = async |c: &Connection| c.query_one("SELECT current_setting('statement_timeout')", &[]).await;
    database.run(Lane::Shared, show).await.unwrap().get(0)
}

#[tokio::test]
async fn the_server_limits_statements_by_itself_except_dsql_which_does_not_know_how() {
    let (server, database) = with_table().await;
    assert_eq!(statement_timeout(&database).await, "16s");
    let mut config = Arc::into_inner(config(server.url(), &[]).0).unwrap();
    config.engine = Engine::Dsql;
    let credentials = self::config(server.url(), &[]).1;
    let dsql = Database::new(Arc::new(config), credentials, Place::default());
    assert_eq!(statement_timeout(&dsql).await, "0");
}

#[tokio::test]
async fn a_pooler_that_refuses_that_is_asked_once_and_served_without() {
    let (server, _) = with_table().await;
    // PgBouncer and RDS Proxy.
    for code in ["08P01", "0A000"] {
        let (pooler, refused) = pooler_without_options(&server, code).await;
        let database = database(&pooler, &[]);
        let first = database.take(Instant::now() + PATIENCE).await.unwrap_or_else(|error| panic!("{code}: {error}"));
        assert_eq!(statement_timeout(&database).await, "0", "{code}");
        drop(first);
        assert_eq!(refused.load(Relaxed), 1, "{code}");
    }
    // Any other refusal says nothing about the setting.
    let (pooler, refused) = pooler_without_options(&server, "53300").await;
    database(&pooler, &[]).reach().await.unwrap_err();
    assert_eq!(refused.load(Relaxed), 1);
}

/// Passes sessions on as a pooler does: one that starts with `options` is refused with this code. Returns the URL, and how many
/// were refused.
async fn pooler_without_options(server: &TestDatabase, code: &'static str) -> (String, Arc<AtomicUsize>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
    use tokio::net::{TcpListener, TcpStream};
    let refused = Arc::<AtomicUsize>::default();
    let counted = refused.clone();
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
            let (upstream, counted) = (upstream.clone(), counted.clone());
            tokio::spawn(async move {
                let length = client.read_u32().await.unwrap();
                let mut start = vec![0; length as usize - 4];
                client.read_exact(&mut start).await.unwrap();
                if start.windows(8).any(|part| part == b"options\0") {
                    counted.fetch_add(1, Relaxed);
                    let fields = format!("SFATAL\0VFATAL\0C{code}\0Munsupported startup parameter: options\0\0");
                    client.write_u8(b'E').await.unwrap();
                    client.write_u32(u32::try_from(fields.len()).unwrap() + 4).await.unwrap();
                    client.write_all(fields.as_bytes()).await.unwrap();
                    return;
                }
                let mut server = TcpStream::connect(upstream).await.unwrap();
                server.write_u32(length).await.unwrap();
                server.write_all(&start).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (url.into(), refused)
}

#[test]
fn a_connection_notices_by_itself_that_the_network_is_silent() {
    let (config, credentials) = config("postgres://app@db.internal/demo", &[("DB_QUERY_TIMEOUT_MS", "2500")]);
    let driver = driver_config(&config, credentials.fixed().unwrap());
    let seconds = Duration::from_secs;
    // While it has sent something, and while it waits for an answer.
    assert_eq!(driver.get_tcp_user_timeout(), Some(&Duration::from_millis(2500)));
    assert!(driver.get_keepalives());
    // For how long nothing arrives until the connection ends.
    let silence = |driver: &tokio_postgres::Config| {
        let unanswered = driver.get_keepalives_interval().unwrap() * driver.get_keepalives_retries().unwrap();
        driver.get_keepalives_idle() + unanswered
    };
    assert!(silence(&driver) <= seconds(90), "{driver:?}");
    assert!(driver.get_keepalives_idle() < seconds(350), "a NAT gateway forgets after 350 s: {driver:?}");
    assert_eq!(silence(&for_migrations(driver.clone())), seconds(20));
    assert!(driver.get_connect_timeout().is_some_and(|&limit| limit > seconds(1) && limit < seconds(2)));
}

/// A role that may have one connection. Returns its name, and the URL with it.
async fn role_with_one_connection(server: &TestDatabase) -> (String, String) {
    let role = format!("{}_one", server.name());
    let sql = format!("CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 1; GRANT SELECT ON t TO {role}");
    server.client().await.batch_execute(&sql).await.unwrap();
    let mut url = ::url::Url::parse(server.url()).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("x")).unwrap();
    (role, url.into())
}

async fn drop_role(server: &TestDatabase, role: &str) {
    let sql = format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
    server.client().await.batch_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn one_refused_connection_does_not_condemn_those_that_work() {
    let (server, _) = with_table().await;
    let (role, url) = role_with_one_connection(&server).await;
    // PostgreSQL may refuse all sessions of a role that start at the same moment: its CONNECTION LIMIT is not exact.
    let let_in = async {
        loop {
            let database = database(&url, &[]);
            database.availability.gained();
            let query = async |lane| {
                for _ in 0..5 {
                    let sql = "SELECT pg_sleep(0.01), n FROM t";
                    database.run(lane, async |c: &Connection| c.query(sql, &[]).await).await?;
                }
                Ok::<_, DatabaseError>(())
            };
            let lanes = [Lane::VisitWrites, Lane::VisitReads, Lane::Shared, Lane::Shared];
            let all = futures_util::future::join_all(lanes.map(query)).await;
            if database.pool.manager().has_connections() {
                break (database, all);
            }
        }
    };
    let (database, all) = timeout(PATIENCE, let_in).await.expect("the server lets one in");
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    database.availability.check().unwrap();
    drop(database);
    drop_role(&server, &role).await;
}

#[tokio::test]
async fn while_others_work_a_refused_connection_is_tried_again_after_a_pause() {
    let (server, _) = with_table().await;
    let (role, url) = role_with_one_connection(&server).await;
    let database = database(&url, &[]);
    let works = database.take(Instant::now() + PATIENCE).await.unwrap_or_else(|error| panic!("{error}"));
    let until = async |is_asked: bool| {
        let reached = async {
            loop {
                let error = database.take(Instant::now() + PATIENCE).await.err().expect("the role has its connection");
                if matches!(error, DatabaseError::RefusedBefore(_)) != is_asked {
                    break;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("waited in vain for is_asked={is_asked}"));
    };
    for is_asked in [true, false, true] {
        until(is_asked).await;
    }
    drop((works, database));
    drop_role(&server, &role).await;
}

#[tokio::test]
async fn a_batch_loop_borrows_no_connection_when_the_server_has_just_refused_one() {
    let (server, _) = with_table().await;
    let (role, url) = role_with_one_connection(&server).await;
    let database = database(&url, &[]);
    let works = database.take(Instant::now() + PATIENCE).await.unwrap_or_else(|error| panic!("{error}"));
    let reserved = database.permit(Lane::VisitWrites).await;
    assert!(database.permit(Lane::VisitWrites).now_or_never().is_some(), "nothing was refused yet");
    let refused = async {
        loop {
            database.take(Instant::now() + PATIENCE).await.err().expect("the role has its connection");
            // On a busy machine the pause may be over already.
            if database.permit(Lane::VisitWrites).now_or_never().is_none() {
                break;
            }
        }
    };
    timeout(PATIENCE, refused).await.expect("after a refusal it borrows none");
    drop((reserved, works, database));
    drop_role(&server, &role).await;
}

#[tokio::test]
async fn without_a_connection_a_refused_one_is_tried_again_at_once() {
    let (server, _) = with_table().await;
    let admin = server.client().await;
    let (role, url) = role_with_one_connection(&server).await;
    let database = database(&url, &[]);
    admin.batch_execute(&format!("ALTER ROLE {role} CONNECTION LIMIT 0")).await.unwrap();
    database.reach().await.unwrap_err();
    admin.batch_execute(&format!("ALTER ROLE {role} CONNECTION LIMIT 1")).await.unwrap();
    database.reach().await.unwrap();
    drop(database);
    drop_role(&server, &role).await;
}

#[tokio::test]
async fn a_connection_is_replaced_when_it_is_too_old() {
    let (server, _) = with_table().await;
    let database = database(server.url(), &[("DB_MAX_LIFETIME_MS", "1")]);
    let first = process(&database).await;
    let replaced = async {
        while process(&database).await == first {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, replaced).await.expect("another connection");
}

#[tokio::test]
async fn a_server_without_the_channel_binding_that_the_url_requires_is_not_used() {
    let server = TestDatabase::create().await;
    let mut url = ::url::Url::parse(server.url()).unwrap();
    url.set_query(Some("sslmode=disable&channel_binding=require"));
    database(url.as_str(), &[]).reach().await.unwrap_err();
    url.set_query(Some("sslmode=disable"));
    database(url.as_str(), &[]).reach().await.unwrap();
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

#[tokio::test]
async fn the_supervisor_connects_at_the_start_and_after_a_loss_and_not_while_the_database_is_available() {
    let server = TestDatabase::create().await;
    let database = database(server.url(), &[]);
    let mut supervisor = std::pin::pin!(supervisor::run(database.clone(), Vec::new()));
    // The first connection is not one of the pool.
    for connections in [0, 1] {
        tokio::select! {
            biased;
            () = &mut supervisor => unreachable!("it never ends"),
            () = database.availability.until(true) => {}
        }
        database.availability.check().unwrap();
        assert!(!database.pool.manager().has_attempts(), "nothing is lost");
        assert_eq!(database.pool.status().size, connections);
        database.availability.lost(&DatabaseError::PoolExhausted);
    }
}
