//! Servers of another kind than is expected: named, whether the database or a URL leads to them.

use std::net::SocketAddr;

use causeway_testing::postgres::OwnPostgres;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wiremock::ResponseTemplate;

use crate::certificates::https_server;
use crate::helpers::{DATABASE, Run, doctor, healthy_database};
use crate::wire::{doctor_at, serve};
use crate::world::http_server;

/// A server that says `greeting`, if it is not empty, then answers each message with `reply`.
async fn talking(greeting: &'static [u8], reply: &'static [u8]) -> SocketAddr {
    serve(move |mut connection| async move {
        connection.write_all(greeting).await.unwrap();
        while connection.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {
            if connection.write_all(reply).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// The doctor's database is there, with and without TLS, and so is a target's URL.
async fn named(address: SocketAddr, code: &str) -> Option<Run> {
    let target = format!("http://{address}/");
    let database = healthy_database().await;
    let run = doctor(&[("DATABASE_URL", database.url()), ("DOCTOR_TARGETS", &target)]).await;
    run.assert_only(&target, "http", code);
    as_database(address, code).await
}

async fn as_database(address: SocketAddr, code: &str) -> Option<Run> {
    let run = doctor_at(address, "disable").await;
    run.assert_only(DATABASE, "authentication", code);
    let run = doctor_at(address, "verify-full").await;
    run.assert_only(DATABASE, "tls", code);
    Some(run)
}

pub async fn it_is_an_ssh_server() -> Option<Run> {
    named(talking(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", b"").await, "speaks-ssh").await
}

pub async fn it_is_mysql() -> Option<Run> {
    named(talking(b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0abcdefgh\0", b"").await, "speaks-mysql").await
}

pub async fn it_is_redis() -> Option<Run> {
    // Redis reads lines: a message without one gets no answer.
    let address = serve(|mut connection| async move {
        let mut line = Vec::new();
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = connection.read(&mut bytes).await {
            line.extend_from_slice(&bytes[..count]);
            if line.ends_with(b"\r\n") && connection.write_all(b"-ERR unknown command\r\n").await.is_err() {
                return;
            }
        }
    })
    .await;
    // To a URL it answers with a line, which is no HTTP.
    named(address, "speaks-redis").await
}

pub async fn it_is_an_http_server() -> Option<Run> {
    let server = http_server(ResponseTemplate::new(200)).await;
    as_database(*server.address(), "speaks-http").await?;
    let url = server.uri().replace("http:", "https:");
    let database = healthy_database().await;
    let run = doctor(&[("DATABASE_URL", database.url()), ("ECSPRIVATESERVICE", &url)]).await;
    run.assert_only("private service", "tls", "speaks-http");
    Some(run)
}

pub async fn it_speaks_tls_at_once() -> Option<Run> {
    named(https_server("127.0.0.1").await, "speaks-tls-at-once").await
}

pub async fn it_is_postgresql() -> Option<Run> {
    let server = OwnPostgres::start().await;
    let database = healthy_database().await;
    let mut last = None;
    for (scheme, stage) in [("http", "http"), ("https", "tls")] {
        let target = format!("{scheme}://127.0.0.1:{}/", server.port());
        let run = doctor(&[("DATABASE_URL", database.url()), ("DOCTOR_TARGETS", &target)]).await;
        run.assert_only(&target, stage, "speaks-postgresql");
        last = Some(run);
    }
    last
}
