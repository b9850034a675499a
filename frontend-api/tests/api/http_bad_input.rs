//! Requests that are too large, malformed or too slow: a clear answer or a closed connection, and no harm to others.

use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::helpers::{
    App, PATIENCE, client, count, problem, read_to_end, spawn_app, spawn_app_with, spawn_without_database,
};

/// The status line's code, or nothing when the connection was closed without an answer.
fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Others are served, and the service has not panicked.
async fn assert_unharmed(app: &App) {
    assert_eq!(app.health().await.status(), StatusCode::OK);
    let logs = format!("{:?}", app.service.logs());
    assert!(!logs.contains("panicked"), "{logs}");
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_large_is_a_413_problem_and_records_nothing() {
    let (app, database) = spawn_app().await;
    let response = client().get(app.url("/")).body(vec![b'x'; 1 << 20]).send().await.unwrap();
    problem(response, StatusCode::PAYLOAD_TOO_LARGE, "body-too-large").await;
    assert_eq!(count(&database.client().await, "access").await, 0);
    assert_unharmed(&app).await;
}

/// The most memory that the process has ever used, in kB.
pub fn peak_memory(app: &App) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.service.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells the peak");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_huge_body_of_unknown_length_is_not_kept() {
    let app = spawn_without_database(&[]).await;
    let before = peak_memory(&app);
    let mut connection = app.connect().await;
    connection.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..1024 {
        // Refusing to read on would be right as well.
        if connection.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
        assert_eq!(app.health().await.status(), StatusCode::OK);
    }
    let grown = peak_memory(&app) - before;
    assert!(grown < 16 * 1024, "64 MB cost {grown} kB");
    assert_unharmed(&app).await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_a_431() {
    let app = spawn_without_database(&[]).await;
    let huge = format!("GET /health HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", "x".repeat(300_000));
    let answer = app.send_raw(huge.as_bytes()).await;
    assert!(matches!(status(&answer), Some(431) | None), "{answer}");
    let endless = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(300_000));
    let answer = app.send_raw(endless.as_bytes()).await;
    assert!(matches!(status(&answer), Some(431) | None), "{answer}");
    assert_unharmed(&app).await;
}

#[tokio::test]
async fn too_many_headers_are_a_4xx() {
    let app = spawn_without_database(&[]).await;
    let many = "X-Many: y\r\n".repeat(500);
    let answer = app.send_raw(format!("GET /health HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes()).await;
    assert!(matches!(status(&answer), Some(400 | 431)), "{answer}");
    assert_unharmed(&app).await;
}

#[tokio::test]
async fn malformed_requests_are_a_400_and_record_nothing_in_the_database_or_as_an_error_in_the_log() {
    // As the CDK app sets it.
    let (app, database) = spawn_app_with(&[("RUST_LOG", "info")]).await;
    let malformed: [&[u8]; 10] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nUser-Agent: nul\x00byte\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    for request in malformed {
        let answer = app.send_raw(request).await;
        assert_eq!(status(&answer), Some(400), "{}: {answer}", String::from_utf8_lossy(request));
    }
    assert_eq!(count(&database.client().await, "access").await, 0);
    assert_unharmed(&app).await;
    app.access_line("/health").await;
    // Before the database is available, /ready has failed.
    let is_error = |line: &Value| line["level"] == "ERROR" && line["target"] != "access";
    let errors: Vec<_> = app.service.logs().into_iter().filter(is_error).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[tokio::test]
async fn a_client_too_slow_with_its_head_is_closed_while_its_neighbours_are_served() {
    let (app, _database) = spawn_app().await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut connection = app.connect().await;
        connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Unfinished: ").await.unwrap();
        slow.push(connection);
    }
    let mut drip = slow.pop().unwrap();
    let dripping = async {
        let mut byte = [0];
        // A byte now and then does not buy more time.
        while timeout(std::time::Duration::from_millis(300), drip.read(&mut byte)).await.is_err() {
            if drip.write_all(b"x").await.is_err() {
                return;
            }
        }
    };
    let closed = async {
        for mut connection in slow {
            let answer = read_to_end(&mut connection).await;
            assert!(matches!(status(&answer), Some(408) | None), "{answer}");
        }
    };
    let mut served = 0;
    let serving = async {
        loop {
            app.registered("neighbour").await;
            served += 1;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let all_closed = async { tokio::join!(timeout(PATIENCE, dripping), closed).0 };
    tokio::select! {
        outcome = all_closed => outcome.expect("the one that drips is closed too"),
        () = serving => {}
    }
    assert!(served > 0);
    assert_unharmed(&app).await;
}

#[tokio::test]
async fn clients_that_leave_in_the_middle_harm_nobody() {
    let (app, database) = spawn_app().await;
    for _ in 0..50 {
        let mut connection = app.connect().await;
        connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: left\r\n\r\n").await.unwrap();
        drop(connection);
    }
    app.registered("stayed").await;
    assert!(count(&database.client().await, "access WHERE user_agent = 'stayed'").await == 1);
    assert_unharmed(&app).await;
}

#[tokio::test]
async fn requests_sent_in_one_go_are_answered_one_by_one_and_in_order() {
    let (app, database) = spawn_app().await;
    let one =
        |user_agent: &str, last: &str| format!("GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: {user_agent}\r\n{last}\r\n");
    let health = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let all = [one("first", ""), health.to_owned(), one("second", "Connection: close\r\n")].concat();
    let answer = app.send_raw(all.as_bytes()).await;
    let bodies: Vec<_> = answer.split("HTTP/1.1 200 OK").skip(1).map(|part| part.split("\r\n\r\n").nth(1)).collect();
    let registered = Some(r#"{"Response":"Registered request"}"#);
    assert_eq!(bodies, [registered, Some(r#"{"Status":"Healthy"}"#), registered], "{answer}");
    assert_eq!(count(&database.client().await, "access").await, 2);
}
