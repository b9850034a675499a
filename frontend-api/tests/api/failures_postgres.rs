//! PostgreSQL down, killed, restarted, demoted: what is told meanwhile, and that all is well afterwards.

use std::time::{Duration, Instant};

use causeway_testing::postgres::OwnPostgres;
use reqwest::StatusCode;

use crate::helpers::{App, PATIENCE, count, eventually, spawn_without_database, unavailable, until_blocked};
use crate::people::Person;
use crate::sockets;
use causeway_testing::load::Load;

const CLIENTS: usize = 16;
/// What a client may be told while the database fails.
const REGISTERED_OR_NOT: [StatusCode; 2] = [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE];

async fn spawn(postgres: &OwnPostgres) -> App {
    let app = App::spawn(&[("DATABASE_URL", postgres.url())]).await;
    app.until_ready().await;
    app
}

#[tokio::test]
async fn down_at_start_the_port_is_open_and_the_service_waits_for_it() {
    let postgres = OwnPostgres::start().await;
    postgres.stop().await;
    let app = App::spawn(&[("DATABASE_URL", postgres.url())]).await;
    assert_eq!(app.health().await.status(), StatusCode::OK);
    unavailable(app.ready().await, "database-unavailable").await;
    unavailable(app.register("curl").await, "database-unavailable").await;
    unavailable(app.get("/recent-visits").await, "database-unavailable").await;

    postgres.restart().await;
    app.until_ready().await;
    app.registered("curl").await;
    assert_eq!(app.recent_visits().await.len(), 1);
}

#[tokio::test]
async fn killed_under_load_and_restarted_it_has_every_visit_that_was_registered() {
    let postgres = OwnPostgres::start().await;
    let app = spawn(&postgres).await;
    let mut load = Load::start(&app.url("/"), CLIENTS);
    for _ in 0..2 {
        load.until_registered(200).await;
        postgres.kill().await;
        load.until_failed(50).await;
        assert_eq!(app.health().await.status(), StatusCode::OK);
        app.until_ready_is(StatusCode::SERVICE_UNAVAILABLE).await;
        postgres.restart().await;
    }
    load.until_registered(200).await;
    let outcome = load.finish().await;
    outcome.assert_only(&REGISTERED_OR_NOT);
    outcome.assert_kept(&postgres.client().await).await;
}

#[tokio::test]
async fn stopped_in_order_and_restarted_it_has_every_visit_that_was_registered() {
    let postgres = OwnPostgres::start().await;
    let app = spawn(&postgres).await;
    let mut load = Load::start(&app.url("/"), CLIENTS);
    load.until_registered(100).await;
    postgres.stop().await;
    load.until_failed(50).await;
    postgres.restart().await;
    load.until_registered(100).await;
    let outcome = load.finish().await;
    outcome.assert_only(&REGISTERED_OR_NOT);
    outcome.assert_kept(&postgres.client().await).await;
}

#[tokio::test]
async fn connections_terminated_mid_batch_lose_nothing_that_was_registered() {
    let postgres = OwnPostgres::start().await;
    let app = spawn(&postgres).await;
    let mut load = Load::start(&app.url("/"), CLIENTS);
    for _ in 0..10 {
        load.until_registered(50).await;
        assert!(postgres.terminate_backends().await > 0, "there was a connection to terminate");
    }
    load.until_registered(50).await;
    let outcome = load.finish().await;
    outcome.assert_only(&REGISTERED_OR_NOT);
    outcome.assert_kept(&postgres.client().await).await;
    // One for the batch that was cut off, and one for the next on a connection that nobody knew to be dead.
    let most = outcome.most_failures_of_a_client();
    assert!(most <= 2 * 10, "a client failed {most} times");
}

#[tokio::test]
async fn idle_connections_that_were_terminated_cost_no_request() {
    let postgres = OwnPostgres::start().await;
    let app = spawn(&postgres).await;
    app.registered("before").await;
    app.recent_visits().await;
    // The first use starts the sweep, which must not open another connection later.
    let client = postgres.client().await;
    let swept = "SELECT count(*) FILTER (WHERE name = 'sweep') = 0 AND count(*) = 1 FROM leases";
    let is_over = async || client.query_one(swept, &[]).await.unwrap().get::<_, bool>(0).then_some(());
    eventually("the sweep is over", is_over).await;
    drop(client);
    postgres.terminate_backends().await;
    // The service learns of it by itself and closes its ends; nobody else has a connection.
    let open = || sockets::open().iter().any(|socket| socket.remote_port == postgres.port());
    eventually("the service closes its ends", async || (!open()).then_some(())).await;
    app.registered("after").await;
    assert_eq!(app.recent_visits().await.len(), 2);
}

#[tokio::test]
async fn a_server_turned_read_only_is_left_until_it_takes_writes_again() {
    let postgres = OwnPostgres::start().await;
    let app = spawn(&postgres).await;
    app.registered("before").await;
    turn_read_only(&postgres, "on").await;
    app.until_it_notices().await;
    unavailable(app.register("during").await, "database-unavailable").await;
    assert_eq!(app.health().await.status(), StatusCode::OK);

    turn_read_only(&postgres, "off").await;
    app.until_ready().await;
    app.registered("after").await;
}

async fn turn_read_only(postgres: &OwnPostgres, how: &str) {
    postgres.execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {how}")).await;
    postgres.execute("SELECT pg_reload_conf()").await;
}

#[tokio::test]
async fn a_server_turned_read_only_is_left_with_all_connections_at_once() {
    let postgres = OwnPostgres::start().await;
    let app = spawn(&postgres).await;
    // Two connections: one is held up with a visit while the other reads.
    let locker = postgres.client().await;
    locker.batch_execute("BEGIN; LOCK TABLE access IN SHARE MODE").await.unwrap();
    let reading = async {
        until_blocked(&locker, 1).await;
        app.recent_visits().await;
        locker.batch_execute("COMMIT").await.unwrap();
    };
    tokio::join!(app.registered("before"), reading);

    turn_read_only(&postgres, "on").await;
    eventually("a visit is refused", async || {
        (app.register("finds out").await.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    // No second one has to find out on the other connection.
    app.register("connects anew, in vain").await;
    assert_eq!(app.ready().await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_connection_that_was_in_use_when_the_server_turned_read_only_is_not_used_again() {
    let postgres = OwnPostgres::start().await;
    let app = spawn(&postgres).await;
    let jane = Person::new(&app, "jane").await;
    let (locker, observer) = (postgres.client().await, postgres.client().await);
    locker.batch_execute("BEGIN; LOCK TABLE sessions").await.unwrap();
    let demoted = async {
        let waiting =
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM sessions%'";
        let used =
            eventually("the session is looked up", async || observer.query_opt(waiting, &[]).await.unwrap()).await;
        turn_read_only(&postgres, "on").await;
        app.until_it_notices().await;
        turn_read_only(&postgres, "off").await;
        app.until_ready().await;
        locker.batch_execute("COMMIT").await.unwrap();
        used.get::<_, i32>(0)
    };
    let (answer, pid) = tokio::join!(jane.get(&app, "/sessions"), demoted);
    assert_eq!(answer.status(), StatusCode::OK);
    eventually("it is closed", async || {
        assert!(jane.is_signed_in(&app).await);
        let open = observer.query_opt("SELECT FROM pg_stat_activity WHERE pid = $1", &[&pid]).await.unwrap();
        open.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_failure_of_the_database_is_logged_when_it_begins_and_when_it_ends() {
    let postgres = OwnPostgres::start().await;
    let app = spawn(&postgres).await;
    postgres.kill().await;
    app.register("curl").await;
    let lost = app.service.wait_for_log(|line| line["message"] == "the database is not available", PATIENCE).await;
    assert_eq!(lost["level"], "ERROR");
    assert!(lost["cause"].as_str().is_some_and(|cause| !cause.is_empty()), "{lost}");
    postgres.restart().await;
    app.until_ready().await;
    let told = |message: &str| app.service.logs().iter().filter(|line| line["message"] == message).count();
    eventually("the recovery in the log", async || (told("the database is available") == 2).then_some(())).await;
    assert_eq!(told("the database is not available"), 1, "said once, not with every request");
}

#[tokio::test]
async fn once_migrated_it_reconnects_while_another_session_has_locked_the_migrations_and_their_histories() {
    let postgres = OwnPostgres::start().await;
    let app = spawn(&postgres).await;
    app.registered("before").await;
    turn_read_only(&postgres, "on").await;
    app.until_it_notices().await;
    let holder = postgres.client().await;
    holder.execute("SELECT pg_advisory_lock(x'0043617573657761'::bigint)", &[]).await.unwrap();
    holder.batch_execute("BEGIN READ WRITE; LOCK TABLE access_migrations, causeway_migrations").await.unwrap();
    turn_read_only(&postgres, "off").await;
    app.until_ready().await;
    app.registered("after").await;
}

/// How many sessions the service has.
async fn sessions(client: &tokio_postgres::Client) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'causeway-frontend-api'";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn statements_that_wait_for_a_lock_leave_no_sessions_behind() {
    let postgres = OwnPostgres::start().await;
    let env = [("DATABASE_URL", postgres.url()), ("DB_QUERY_TIMEOUT_MS", "200"), ("REQUEST_TIMEOUT_MS", "200")];
    let app = App::spawn(&env).await;
    app.until_ready().await;
    let locker = postgres.client().await;
    locker.batch_execute("BEGIN; LOCK TABLE access IN ACCESS EXCLUSIVE MODE").await.unwrap();
    for _ in 0..12 {
        let (written, read) = tokio::join!(app.register("waits"), app.get("/recent-visits"));
        assert_eq!(written.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(read.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    // Without the cancel requests there would be one for each statement: 24.
    let left = sessions(&locker).await;
    assert!(left <= 8, "{left} sessions");
    eventually("the statements end", async || {
        let waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'access'::regclass AND NOT granted";
        (locker.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_start_that_meets_a_locked_history_leaves_no_session_behind() {
    let postgres = OwnPostgres::start().await;
    drop(spawn(&postgres).await);
    let locker = postgres.client().await;
    locker.batch_execute("BEGIN; LOCK TABLE access_migrations IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let app = App::spawn(&[("DATABASE_URL", postgres.url())]).await;
    // The server gives up before the service does, which would leave the session to wait on.
    let cause = app.database_problem().await;
    assert!(cause.contains("lock timeout"), "{cause}");
    locker.batch_execute("ROLLBACK").await.unwrap();
    app.until_ready().await;
}

#[tokio::test]
async fn a_database_that_is_away_is_tried_after_pauses_that_double_up_to_half_a_second() {
    let begun = Instant::now();
    let app = spawn_without_database(&[]).await;
    let pauses = eventually("five attempts have failed", async || {
        let logs = app.service.logs();
        let attempts = logs.iter().filter(|line| line["message"] == "trying the database again");
        let pauses: Vec<_> = attempts.map(|line| line["pause"].as_str().unwrap_or_default().to_owned()).collect();
        (pauses.len() >= 5).then_some(pauses)
    })
    .await;
    assert_eq!(pauses[..5], ["100ms", "200ms", "400ms", "500ms", "500ms"]);
    // All but the last one have passed.
    assert!(begun.elapsed() >= Duration::from_millis(1200), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn connections_that_nothing_uses_are_closed_and_the_service_stays_ready() {
    let postgres = OwnPostgres::start().await;
    let app = App::spawn(&[("DATABASE_URL", postgres.url()), ("DB_IDLE_TIMEOUT_MS", "200")]).await;
    app.until_ready().await;
    app.registered("before").await;
    let client = postgres.client().await;
    eventually("no session is left", async || (sessions(&client).await == 0).then_some(())).await;
    assert_eq!(app.ready().await.status(), StatusCode::OK);
    app.registered("after").await;
}

#[tokio::test]
async fn a_connection_that_visits_use_is_not_closed_as_idle() {
    let postgres = OwnPostgres::start().await;
    // Idle ones are looked for every two seconds.
    let app = App::spawn(&[("DATABASE_URL", postgres.url()), ("DB_IDLE_TIMEOUT_MS", "8000")]).await;
    app.until_ready().await;
    let client = postgres.client().await;
    client.batch_execute("ALTER TABLE access ADD COLUMN session INT DEFAULT pg_backend_pid()").await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        app.registered("curl").await;
    }
    // Since the first visit no connection was without use for eight seconds.
    let first = "pg_stat_activity WHERE pid = (SELECT session FROM access ORDER BY last_update LIMIT 1)";
    assert_eq!(count(&client, first).await, 1);
}
