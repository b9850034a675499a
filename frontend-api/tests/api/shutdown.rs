//! SIGTERM and SIGINT: what was accepted is answered, what was answered is in the table, and the process ends well.

use causeway_testing::service::Signal;
use reqwest::StatusCode;
use tokio::io::AsyncWriteExt;

use crate::helpers::{
    App, PATIENCE, count, eventually, problem, read_to_end, spawn_app_with, spawn_without_database, until_blocked,
};
use crate::sockets;
use causeway_testing::load::Load;

const CLIENTS: usize = 32;

#[tokio::test]
async fn sigterm_under_load_loses_no_accepted_request() {
    for workers in ["1", "2"] {
        let (mut app, database) = spawn_app_with(&[("WORKERS", workers), ("SHUTDOWN_DELAY_MS", "2000")]).await;
        let mut load = Load::start(&app.url("/"), CLIENTS);
        load.until_registered(20 * CLIENTS).await;
        let status = app.service.stop().await;
        // Each client is told to leave, and has its answer by then.
        let outcome = load.join().await;
        assert!(status.success(), "{status}");
        outcome.assert_only(&[StatusCode::OK]);
        outcome.assert_kept(&database.client().await).await;
    }
}

#[tokio::test]
async fn visits_that_wait_for_the_database_at_sigterm_are_committed_and_answered() {
    for (workers, signal) in [("1", Signal::SIGTERM), ("2", Signal::SIGINT)] {
        let (mut app, database) = spawn_app_with(&[("WORKERS", workers)]).await;
        let locker = database.client().await;
        locker.batch_execute("BEGIN; LOCK TABLE access IN SHARE MODE").await.unwrap();
        let mut connections = Vec::new();
        for n in 0..8 {
            let mut connection = app.connect().await;
            let request = format!("GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: visitor {n}\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            connections.push(connection);
        }
        until_blocked(&locker, 1).await;
        let read = async || sockets::all_requests_read(&app, connections.len()).then_some(());
        eventually("all requests are read", read).await;
        app.service.signal(signal);
        app.service.wait_for_log(|line| line["message"] == "draining", PATIENCE).await;
        // Closed to new ones by now, or soon.
        eventually("the port is closed", async || {
            tokio::net::TcpStream::connect(app.service.address()).await.is_err().then_some(())
        })
        .await;
        locker.batch_execute("COMMIT").await.unwrap();
        for connection in &mut connections {
            let answer = read_to_end(connection).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "an accepted request is lost: {answer:?}");
        }
        assert!(app.service.wait().await.success());
        assert_eq!(count(&locker, "access").await, 8);
    }
}

#[tokio::test]
async fn while_draining_ready_fails_and_all_else_goes_on() {
    let (app, database) = spawn_app_with(&[("SHUTDOWN_DELAY_MS", "8000")]).await;
    app.service.signal(Signal::SIGTERM);
    app.service.wait_for_log(|line| line["message"] == "draining", PATIENCE).await;
    app.until_ready_is(StatusCode::SERVICE_UNAVAILABLE).await;
    problem(app.ready().await, StatusCode::SERVICE_UNAVAILABLE, "draining").await;
    assert_eq!(app.health().await.status(), StatusCode::OK);
    let response = app.register("the last one").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["connection"], "close");
    assert_eq!(count(&database.client().await, "access").await, 1);
}

#[tokio::test]
async fn a_service_whose_database_is_gone_stops_as_well() {
    let mut app = spawn_without_database(&[]).await;
    app.database_problem().await;
    assert!(app.service.stop().await.success());
}

#[tokio::test]
async fn a_silent_database_does_not_keep_the_process_alive() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://u@{}/n?sslmode=disable", silent.local_addr().unwrap());
    let mut app = App::spawn(&[("DATABASE_URL", &url)]).await;
    let _connection = silent.accept().await.unwrap();
    assert!(app.service.stop().await.success());
}

#[tokio::test]
async fn an_idle_connection_does_not_keep_the_process_alive() {
    let (mut app, _database) = spawn_app_with(&[]).await;
    let _idle = app.connect().await;
    app.health().await;
    assert!(app.service.stop().await.success());
}

#[tokio::test]
async fn the_longest_delay_a_stuck_request_and_a_silent_collector_still_end_in_time() {
    // The kernel accepts the connections of a listener that nobody serves.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let (mut app, database) = spawn_app_with(&[
        ("SHUTDOWN_DELAY_MS", "8000"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("REQUEST_TIMEOUT_MS", "60000"),
        ("DB_QUERY_TIMEOUT_MS", "60000"),
    ])
    .await;
    let locker = database.client().await;
    locker.batch_execute("BEGIN; LOCK TABLE access IN SHARE MODE").await.unwrap();
    let mut connection = app.connect().await;
    connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    until_blocked(&locker, 1).await;
    // It fails if the process takes longer than 28 s, so before ECS would kill it.
    let status = app.service.stop().await;
    assert!(status.success(), "{status}");
    let lost = |line: &serde_json::Value| line["message"].as_str().is_some_and(|text| text.contains("spans were lost"));
    assert!(app.service.logs().iter().any(lost), "the collector was silent");
}
