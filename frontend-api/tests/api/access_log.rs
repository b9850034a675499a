//! One line a request, on standard output.

use std::process::Stdio;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};
use tokio::time::timeout;

use crate::helpers::{BINARY, NO_DATABASE, PATIENCE, client, spawn_app, spawn_without_database, until_blocked};

#[tokio::test]
async fn a_request_is_told_with_all_that_one_looks_for() {
    let (app, _database) = spawn_app().await;
    let request = client().get(app.url("/?token=topsecret")).header("x-request-id", "the-id");
    let request = request.header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    let line = app.access_line("/").await;
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["status"], 200);
    assert_eq!(line["request_id"], "the-id");
    assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert!(line["latency_ms"].as_f64().is_some_and(|latency| latency > 0.0), "{line}");
    let timestamp = line["timestamp"].as_str().unwrap();
    assert!(timestamp.len() == 27 && timestamp.ends_with('Z'), "{timestamp}");
    let all = format!("{:?}", app.service.logs());
    assert!(!all.contains("topsecret"), "the query string is nobody's business");
}

#[tokio::test]
async fn the_trace_of_xray_is_told_too() {
    let app = spawn_without_database(&[]).await;
    let header = "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1";
    client().get(app.url("/health")).header("X-Amzn-Trace-Id", header).send().await.unwrap();
    let line = app.access_line("/health").await;
    assert_eq!(line["trace_id"], "67891233abcdef012345678912345678");
    assert_eq!(line["xray_trace_id"], "1-67891233-abcdef012345678912345678");
}

#[tokio::test]
async fn without_a_trace_there_is_no_trace_id() {
    let app = spawn_without_database(&[]).await;
    app.health().await;
    let line = app.access_line("/health").await;
    assert!(line.get("trace_id").is_none(), "{line}");
}

#[tokio::test]
async fn a_4xx_is_told_as_what_it_is() {
    let app = spawn_without_database(&[]).await;
    app.get("/nothing").await;
    let line = app.access_line("/nothing").await;
    assert_eq!((&line["status"], &line["level"]), (&404.into(), &"INFO".into()));
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_has_a_line_too() {
    let (app, database) = spawn_app().await;
    let locker = database.client().await;
    locker.batch_execute("BEGIN; LOCK TABLE access IN SHARE MODE").await.unwrap();
    let mut connection = app.connect().await;
    connection.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    until_blocked(&locker, 1).await;
    // A reset. A connection that is only half closed can still read its answer.
    connection.set_zero_linger().unwrap();
    drop(connection);
    let line = app.access_line("/").await;
    assert_eq!((&line["status"], &line["level"], &line["http.route"]), (&499.into(), &"INFO".into(), &"/".into()));
    assert!(line.get("http.response.body.size").is_none(), "{line}");
}

#[tokio::test]
async fn a_5xx_is_told_once_with_its_cause() {
    let app = spawn_without_database(&[]).await;
    app.database_problem().await;
    let response = client().get(app.url("/recent-visits")).header("x-request-id", "failed-1").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let line = app.access_line("/recent-visits").await;
    assert_eq!((&line["status"], &line["level"]), (&503.into(), &"ERROR".into()));
    assert!(line["error"].as_str().is_some_and(|error| error.contains("unavailable")), "{line}");
    assert!(line["cause"].as_str().is_some_and(|cause| cause.contains("refused")), "{line}");

    // The lines come in order: with that of a later request, all of the earlier one are there.
    app.health().await;
    app.access_line("/health").await;
    let told = app.service.logs().iter().filter(|line| line.to_string().contains("failed-1")).count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn what_a_caller_sends_forges_no_line() {
    let app = spawn_without_database(&[]).await;
    let path = "/%0A%22%7D%7B%22target%22:%22access%22,%22path%22:%22/forged%22%7D";
    app.send_raw(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await;
    app.health().await;
    app.access_line("/health").await;
    let lines: Vec<Value> = app.service.logs();
    assert!(lines.iter().all(|line| line.is_object() && line["path"] != "/forged"), "{lines:?}");
    assert!(lines.iter().any(|line| line["path"].as_str().is_some_and(|path| path.contains("forged"))), "{lines:?}");
}

#[tokio::test]
async fn rust_log_turns_it_off() {
    let mut app = spawn_without_database(&[("RUST_LOG", "info,access=off")]).await;
    app.health().await;
    assert!(app.service.stop().await.success());
    let lines = app.service.logs();
    assert!(!lines.iter().any(|line| line["target"] == "access"), "{lines:?}");
}

#[tokio::test]
async fn the_last_lines_are_not_lost_when_the_service_stops() {
    let mut app = spawn_without_database(&[]).await;
    app.get("/last-one").await;
    assert!(app.service.stop().await.success());
    assert!(app.service.logs().iter().any(|line| line["path"] == "/last-one"));
}

/// Reads lines until one has this message, and returns it.
async fn read_until(lines: &mut Lines<BufReader<ChildStdout>>, message: &str) -> Value {
    let reading = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the service runs");
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == message {
                return line;
            }
        }
    };
    timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("no line {message:?}"))
}

#[tokio::test]
async fn lines_dropped_for_a_slow_reader_are_counted_as_a_metric_and_in_the_log() {
    let mut service = Command::new(BINARY)
        .env_clear()
        .envs([("DATABASE_URL", NO_DATABASE), ("PORT", "0"), ("BIND_ADDRESS", "127.0.0.1"), ("LOG_FORMAT", "json")])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(service.stdout.take().unwrap()).lines();
    let listening = read_until(&mut lines, "listening").await;
    let url = format!("http://{}", listening["address"].as_str().unwrap());
    let client = client();
    let dropped = async || {
        let metrics = client.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
        let count = metrics.lines().find_map(|line| line.strip_prefix("causeway_log_lines_dropped_total "));
        count.unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(dropped().await, 0);
    // Nobody reads from here on. A line holds 512 bytes of the path.
    let long = format!("{url}/{}", "x".repeat(512));
    let overflow = async {
        while dropped().await == 0 {
            let some = (0..200).map(|_| client.get(&long).send());
            for answer in futures_util::future::join_all(some).await {
                assert_eq!(answer.unwrap().status(), StatusCode::NOT_FOUND, "a reader that stalls fails nothing");
            }
        }
    };
    timeout(PATIENCE, overflow).await.expect("lines are dropped");
    let lost = read_until(&mut lines, "log lines were dropped because their reader was too slow").await;
    assert!(lost["lines"].as_u64().is_some_and(|lines| lines > 0), "{lost}");
    assert!(dropped().await >= lost["lines"].as_u64().unwrap(), "{lost}");
}
