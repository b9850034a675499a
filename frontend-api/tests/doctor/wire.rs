//! Ports that accept a connection and then do not speak as PostgreSQL does.

use std::net::SocketAddr;

use causeway_testing::proxy::TcpProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::ResponseTemplate;

use crate::helpers::{DATABASE, PASSWORD, Run, doctor};
use crate::world::http_server;

/// Serves each connection so, for as long as the test runs.
async fn serve<F: Future<Output = ()> + Send + 'static>(each: fn(TcpStream) -> F) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(each(connection));
        }
    });
    address
}

async fn doctor_at(address: SocketAddr, mode: &str) -> Run {
    let port = address.port().to_string();
    let env = [("DB_HOST", "127.0.0.1"), ("DB_PORT", &port), ("DB_USER", "app"), ("DB_PASS", PASSWORD)];
    doctor(&[&env[..], &[("DB_SSLMODE", mode)]].concat()).await
}

/// With and without TLS: the stage at which the first byte is awaited.
const MODES: [(&str, &str); 3] = [("verify-full", "tls"), ("prefer", "tls"), ("disable", "authentication")];

#[tokio::test]
async fn it_connects_and_then_there_is_silence() {
    let proxy = TcpProxy::start("127.0.0.1:1").await;
    proxy.silence();
    for (mode, stage) in MODES {
        let run = doctor_at(proxy.address(), mode).await;
        run.assert_only(DATABASE, stage, "silent-after-connect");
    }
}

#[tokio::test]
async fn it_closes_the_connection_at_once() {
    let address = serve(|connection| async move { drop(connection) }).await;
    for (mode, stage) in MODES {
        doctor_at(address, mode).await.assert_only(DATABASE, stage, "closed-after-connect");
    }
}

/// All messages of a test fit in one read.
async fn read_some(connection: &mut TcpStream) {
    let count = connection.read(&mut [0; 1024]).await.unwrap();
    assert!(count > 0, "the doctor closed the connection");
}

/// As RDS Proxy and Aurora do while a cluster resumes.
#[tokio::test]
async fn it_closes_the_connection_after_the_first_message() {
    let address = serve(|mut connection| async move { read_some(&mut connection).await }).await;
    for (mode, stage) in MODES {
        doctor_at(address, mode).await.assert_only(DATABASE, stage, "closed-after-connect");
    }
}

pub async fn it_closes_the_connection_when_somebody_logs_in() -> Option<Run> {
    let no_tls_and_goodbye = |mut connection: TcpStream| async move {
        read_some(&mut connection).await;
        connection.write_all(b"N").await.unwrap();
        read_some(&mut connection).await;
    };
    let address = serve(no_tls_and_goodbye).await;
    let run = doctor_at(address, "prefer").await;
    run.assert_only(DATABASE, "authentication", "closed-after-connect");
    Some(run)
}

pub async fn it_is_silent_when_somebody_logs_in() -> Option<Run> {
    let no_tls_and_silence = |mut connection: TcpStream| async move {
        read_some(&mut connection).await;
        connection.write_all(b"N").await.unwrap();
        while connection.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {}
    };
    let address = serve(no_tls_and_silence).await;
    let run = doctor_at(address, "prefer").await;
    run.assert_only(DATABASE, "authentication", "silent-after-connect");
    Some(run)
}

#[tokio::test]
async fn it_closes_the_connection_during_the_tls_handshake() {
    let tls_and_goodbye = |mut connection: TcpStream| async move {
        read_some(&mut connection).await;
        connection.write_all(b"S").await.unwrap();
        read_some(&mut connection).await;
    };
    doctor_at(serve(tls_and_goodbye).await, "require").await.assert_only(DATABASE, "tls", "closed-after-connect");
}

pub async fn it_is_an_http_server() -> Option<Run> {
    let server = http_server(ResponseTemplate::new(200)).await;
    let mut last = None;
    for (mode, stage) in MODES {
        let run = doctor_at(*server.address(), mode).await;
        run.assert_only(DATABASE, stage, "not-postgres");
        assert_eq!(run.evidence(DATABASE, stage), "the answer to SSLRequest is the byte 0x48");
        last = Some(run);
    }
    last
}
