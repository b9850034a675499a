//! Who asks often, or together, gets one run; and a run takes nothing from anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use causeway_testing::aws::on_app_runner;
use causeway_testing::proxy::TcpProxy;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::app::App;
use crate::helpers::{check, doctor, eventually, healthy_database};
use crate::server::Server;

/// A port that counts its connections: one a run.
async fn counting_port() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, count)
}

#[tokio::test]
async fn callers_share_a_run_and_there_is_at_most_one_in_two_seconds() {
    let database = healthy_database().await;
    let (port, runs) = counting_port().await;
    let env = [("DATABASE_URL", database.url()), ("TARGET", "127.0.0.1"), ("TARGETPORT", &port)];
    let app = App::ready(&env).await;
    let (began, at_first) = (Instant::now(), runs.load(Ordering::SeqCst));
    // Until there were three runs more, the first of which may follow the one at start at once.
    while runs.load(Ordering::SeqCst) < at_first + 3 {
        let reports = join_all((0..20).map(|_| app.report())).await;
        // A run can end between two of them, not two.
        let mut times: Vec<_> = reports.iter().map(|report| report["Time"].to_string()).collect();
        times.sort();
        times.dedup();
        assert!(times.len() <= 2, "{times:?}");
    }
    let took = began.elapsed();
    assert!(took > Duration::from_secs(4), "3 runs within {took:?}");
}

/// A caller that sends its request and hangs up before the answer.
async fn ask_and_leave(app: &App) {
    let mut connection = TcpStream::connect(app.service.address()).await.unwrap();
    connection.write_all(b"GET /test-connection HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    // The server has turned to another request by then, so it has seen this one.
    assert_eq!(app.get("/health", &[]).await.status(), 200);
}

#[tokio::test]
async fn callers_that_leave_start_no_further_run() {
    let (port, runs) = counting_port().await;
    // Each run takes its time: nothing answers there.
    let silence = TcpProxy::start("127.0.0.1:1").await;
    silence.silence();
    let url = format!("http://{}", silence.address());
    let env = [
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none"),
        ("ECSPRIVATESERVICE", url.as_str()),
        ("TARGET", "127.0.0.1"),
        ("TARGETPORT", &port),
        ("WORKERS", "1"),
    ];
    let app = App::spawn(&env).await;
    app.report_logged(0).await;
    let (began, at_first) = (Instant::now(), runs.load(Ordering::SeqCst));
    for _ in 0..200 {
        ask_and_leave(&app).await;
    }
    app.report().await;
    let (new, took) = (runs.load(Ordering::SeqCst) - at_first, began.elapsed());
    let most = took.as_secs() / 2 + 2;
    assert!(u64::try_from(new).unwrap() <= most, "{new} runs in {took:?}");
}

#[tokio::test]
async fn a_report_is_there_though_every_hop_is_silent() {
    let silence = TcpProxy::start("127.0.0.1:1").await;
    silence.silence();
    let url = format!("http://{}", silence.address());
    let port = silence.address().port().to_string();
    let others = format!("{url}/one, {url}/two");
    let targets = [
        ("ECSPRIVATESERVICE", url.as_str()),
        ("TARGET", "127.0.0.1"),
        ("TARGETPORT", &port),
        ("DOCTOR_TARGETS", &others),
    ];
    let with_secret = [&on_app_runner(&url)[..], &targets].concat();
    let without =
        [&[("DB_HOST", "127.0.0.1"), ("DB_PORT", &port), ("DB_USER", "app"), ("DB_PASS", "hunter2")], &targets[..]]
            .concat();
    for env in [with_secret, without] {
        let run = doctor(&env).await;
        assert_eq!(run.code, Some(1));
        // Beside a service that tries to reach the same things itself.
        let app = App::spawn(&env).await;
        assert_eq!(app.test_connection(&[]).await.status(), 503);
    }
}

/// How many sessions there are that call themselves so.
async fn sessions(server: &Server, name: &str) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
    server.postgres.client().await.query_one(sql, &[&name]).await.unwrap().get(0)
}

#[tokio::test]
async fn with_all_of_the_pool_in_use_the_doctor_reports_and_takes_no_connection_of_it() {
    let server = Server::start_for_service().await;
    let app = App::ready(&server.env(&[
        ("DB_POOL_SIZE", "5"),
        ("DB_QUERY_TIMEOUT_MS", "60000"),
        ("REQUEST_TIMEOUT_MS", "60000"),
    ]))
    .await;
    let mut other = server.postgres.client().await;
    let lock = other.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE access IN ACCESS EXCLUSIVE MODE").await.unwrap();

    let waiting = async { tokio::join!(app.get("/", &[]), app.get("/recent-visits", &[])) };
    let meanwhile = async {
        let sql = "SELECT count(*) FROM pg_locks WHERE relation = 'access'::regclass AND NOT granted";
        let observer = server.postgres.client().await;
        let both_wait = async || (observer.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) >= 2).then_some(());
        eventually("both wait", both_wait).await;
        // Those of the two, and the one of the sweep, which begins when the database is first used.
        let three = async || (sessions(&server, "causeway-frontend-api").await == 3).then_some(());
        eventually("the service has its sessions", three).await;
        // Each run waits for the lock too, with a session of its own.
        for _ in 0..2 {
            let report = report_of_a_new_run(&app).await;
            let query = &check(&report, "database")["stages"][4];
            assert_eq!((&query["name"], &query["code"]), (&"query".into(), &"slow-query".into()), "{report:#}");
            assert_eq!(sessions(&server, "causeway-frontend-api").await, 3);
        }
        eventually("the doctor's sessions end", async || {
            (sessions(&server, "causeway-doctor").await == 0).then_some(())
        })
        .await;
        lock.rollback().await.unwrap();
    };
    let ((visit, visits), ()) = tokio::join!(waiting, meanwhile);
    assert_eq!((visit.status(), visits.status()), (reqwest::StatusCode::OK, reqwest::StatusCode::OK));
    assert_eq!(report_of_a_new_run(&app).await["Verdict"]["outcome"], "ok");
    eventually("no session of the doctor's is left", async || {
        (sessions(&server, "causeway-doctor").await == 0).then_some(())
    })
    .await;
}

/// Not one that was made before.
async fn report_of_a_new_run(app: &App) -> Value {
    let before = app.report().await["Time"].clone();
    eventually("a new run", async || Some(app.report().await).filter(|report| report["Time"] != before)).await
}
