//! Clients that take more than they read, or send less than they promise: each costs little, and harms nobody.

use std::time::Duration;

use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::helpers::{App, PATIENCE, spawn_without_database};
use crate::http_bad_input::peak_memory;

/// Long enough for the service to take what it takes.
const SETTLED: Duration = Duration::from_millis(300);
const BUNDLE: &[u8] = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n";

/// Writes the request again and again until the service takes no more; reads nothing.
async fn pipeline(app: &App, request: &[u8]) -> TcpStream {
    let mut connection = app.connect().await;
    let many = request.repeat(1000);
    while let Ok(Ok(())) = timeout(SETTLED, connection.write_all(&many)).await {}
    connection
}

#[tokio::test]
async fn clients_that_pipeline_and_never_read_cost_little_memory_and_delay_nobody() {
    let app = spawn_without_database(&[]).await;
    let before = peak_memory(&app);
    let mut open = Vec::new();
    for request in
        [BUNDLE, b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"]
    {
        for _ in 0..5 {
            open.push(pipeline(&app, request).await);
            assert_eq!(app.health().await.status(), StatusCode::OK);
        }
    }
    let grown = peak_memory(&app) - before;
    assert!(grown < 24 * 1024, "{} clients cost {grown} kB", open.len());
}

#[tokio::test]
async fn large_answers_that_nobody_reads_are_not_copied_for_each_connection() {
    let app = spawn_without_database(&[]).await;
    let before = peak_memory(&app);
    let mut open = Vec::new();
    for _ in 0..100 {
        let mut connection = app.connect().await;
        connection.write_all(BUNDLE).await.unwrap();
        open.push(connection);
    }
    for connection in &open {
        connection.readable().await.unwrap();
    }
    assert_eq!(app.health().await.status(), StatusCode::OK);
    let grown = peak_memory(&app) - before;
    assert!(grown < 32 * 1024, "{} clients cost {grown} kB", open.len());
}

#[tokio::test]
async fn a_later_head_that_drips_ends_the_connection_like_the_first() {
    let app = spawn_without_database(&[]).await;
    let mut connection = app.connect().await;
    connection.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let (mut reader, mut writer) = connection.into_split();
    let drip = async {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(SETTLED).await;
        }
    };
    let ended = async {
        let mut rest = [0; 1024];
        while reader.read(&mut rest).await.is_ok_and(|length| length > 0) {}
    };
    tokio::select! {
        ended = timeout(PATIENCE, ended) => ended.expect("the connection ends"),
        () = drip => {}
    }
}

#[tokio::test]
async fn a_body_that_no_route_wants_is_not_taken() {
    let app = spawn_without_database(&[]).await;
    let mut connection = app.connect().await;
    connection.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let endless = async {
        let mut taken = 0_u64;
        while connection.write_all(chunk.as_bytes()).await.is_ok() {
            taken += 0x10000;
            assert!(taken < 64 << 20, "the service takes it all");
        }
    };
    timeout(PATIENCE, endless).await.expect("the connection ends");
}

#[tokio::test]
async fn the_rest_of_an_unwanted_body_is_not_waited_for_much_longer_than_that_of_a_head() {
    let app = spawn_without_database(&[]).await;
    let mut connection = app.connect().await;
    let head = b"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf of i";
    connection.write_all(head).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, connection.read_to_end(&mut answer)).await.expect("the connection ends").ok();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&answer));
}
