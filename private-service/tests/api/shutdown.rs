//! SIGTERM and SIGINT: what was accepted is answered, then the process ends well.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_testing::ports;
use causeway_testing::service::{Signal, pid_of, send};
use reqwest::StatusCode;
use reqwest::header::CONNECTION;
use tokio::io::AsyncReadExt;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;
use wiremock::ResponseTemplate;

use crate::fixtures::{usual_container, usual_task};
use crate::helpers::{BINARY, PATIENCE, client, problem, spawn_app, spawn_app_with};

const CLIENTS: usize = 32;
/// Requests of each client before the signal.
const WARM_UP: usize = 20;

#[tokio::test]
async fn sigterm_under_load_loses_no_accepted_request() {
    let mut app = spawn_app_with(&[("SHUTDOWN_DELAY_MS", "1000")]).await;
    app.endpoint_serves(&usual_container(), &usual_task()).await;
    app.identity().await;

    let under_way = Arc::new(Barrier::new(CLIENTS + 1));
    let mut load = JoinSet::new();
    for _ in 0..CLIENTS {
        load.spawn(ask_until_told_to_leave(app.url("/"), under_way.clone()));
    }
    timeout(PATIENCE, under_way.wait()).await.expect("all clients get a first answer");
    let status = app.service.stop().await;

    let answered = load.join_all().await;
    assert!(answered.iter().all(|&requests| requests >= WARM_UP), "all clients were under way: {answered:?}");
    assert!(status.success(), "{status}");
}

/// Asks as fast as it can, like one connection of a load balancer, until an answer closes the connection. Each request
/// must be answered.
async fn ask_until_told_to_leave(url: String, under_way: Arc<Barrier>) -> usize {
    let client = client();
    let started = Instant::now();
    let mut requests = 0;
    loop {
        let response = client.get(&url).send().await.expect("a request is lost");
        assert_eq!(response.status(), StatusCode::OK);
        let last = response.headers().get(CONNECTION).is_some_and(|value| value == "close");
        assert!(!response.bytes().await.expect("an answer is cut short").is_empty());
        requests += 1;
        if requests == WARM_UP {
            under_way.wait().await;
        }
        if last {
            return requests;
        }
        assert!(started.elapsed() < PATIENCE, "nobody told this client to leave");
    }
}

#[tokio::test]
async fn a_request_in_flight_at_sigterm_is_answered() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut app = spawn_app().await;
        let slow = |document| ResponseTemplate::new(200).set_body_json(document).set_delay(Duration::from_millis(700));
        app.endpoint_answers(slow(usual_container()), slow(usual_task())).await;
        let request = tokio::spawn(client().get(app.url("/")).send());
        let started = Instant::now();
        while app.reads().await[1] == 0 {
            assert!(started.elapsed() < PATIENCE, "the request does not arrive");
            tokio::task::yield_now().await;
        }
        app.service.signal(signal);
        let response = request.await.unwrap().expect("the request is lost");
        assert_eq!(response.status(), StatusCode::OK);
        assert!(app.service.wait().await.success());
    }
}

#[tokio::test]
async fn while_draining_ready_fails_and_health_does_not() {
    let mut app = spawn_app_with(&[("SHUTDOWN_DELAY_MS", "3000")]).await;
    app.service.signal(Signal::SIGTERM);
    app.service.wait_for_log(|line| line["message"] == "draining", PATIENCE).await;
    let started = Instant::now();
    let ready = loop {
        let response = app.get("/ready").await;
        if response.status() != StatusCode::OK {
            break response;
        }
        assert!(started.elapsed() < PATIENCE, "still ready");
    };
    problem(ready, StatusCode::SERVICE_UNAVAILABLE, "draining").await;
    assert_eq!(app.get("/health").await.status(), StatusCode::OK);
    assert!(app.service.wait().await.success());
}

#[tokio::test]
async fn an_idle_connection_does_not_keep_the_process_alive() {
    let mut app = spawn_app().await;
    let idle = client();
    idle.get(app.url("/health")).send().await.unwrap().bytes().await.unwrap();
    let started = Instant::now();
    assert!(app.service.stop().await.success());
    assert!(started.elapsed() < Duration::from_secs(10), "took {:?}", started.elapsed());
}

#[tokio::test]
async fn sigterm_ends_the_process_although_nobody_reads_its_full_log() {
    let port = ports::free().unwrap();
    let env =
        [("PORT", port.to_string()), ("BIND_ADDRESS", "127.0.0.1".to_owned()), ("SHUTDOWN_DELAY_MS", "0".to_owned())];
    let mut command = tokio::process::Command::new(BINARY);
    command.env_clear().envs(env).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let client = client();
    let url = format!("http://127.0.0.1:{port}/nothing-{}", "x".repeat(400));
    let answered = async {
        // Each line has the path: more of them than a pipe and the service's own buffer take.
        let mut lines = 0;
        while lines < 4000 {
            match client.get(&url).send().await {
                Ok(answer) => assert_eq!(answer.status(), StatusCode::NOT_FOUND),
                // It is starting.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            lines += 1;
        }
    };
    timeout(PATIENCE * 4, answered).await.expect("a log that nobody reads holds no request up");
    send(Signal::SIGTERM, pid_of(&child));
    // Unread until now: waiting for the process closes the pipe only afterwards.
    let status = timeout(Duration::from_secs(28), child.wait()).await.expect("the process ends").unwrap();
    assert!(status.success(), "{status}");
    let mut log = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut log).await.unwrap();
    assert!((32 * 1024..1024 * 1024).contains(&log.len()), "the pipe was full: {} bytes", log.len());
}
