//! Ports that accept a connection and then do not speak as PostgreSQL does.

use std::net::SocketAddr;

use causeway_testing::proxy::TcpProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::helpers::{DATABASE, PASSWORD, Run, doctor};

/// Serves each connection so, for as long as the test runs.
pub async fn serve<F: Future<Output = ()> + Send + 'static>(
    each: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(each(connection));
        }
    });
    address
}

/// A server that answers the first message of each connection with these bytes, and ends it.
pub async fn answering(bytes: &'static [u8]) -> SocketAddr {
    serve(move |mut connection| async move {
        if connection.read(&mut [0; 4096]).await.is_ok_and(|count| count > 0) {
            connection.write_all(bytes).await.unwrap();
        }
    })
    .await
}

/// A server that reads and never answers.
pub async fn silent() -> SocketAddr {
    serve(|mut connection| async move { while connection.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {} })
        .await
}

pub async fn doctor_at(address: SocketAddr, mode: &str) -> Run {
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

/// The head of a record comes, and the rest of the record does not.
#[tokio::test]
async fn it_stops_in_the_middle_of_the_tls_handshake() {
    let half_a_handshake = |mut connection: TcpStream| async move {
        read_some(&mut connection).await;
        connection.write_all(b"S").await.unwrap();
        read_some(&mut connection).await;
        connection.write_all(&[0x16, 3, 3, 0, 122, 2, 0]).await.unwrap();
        while connection.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {}
    };
    let run = doctor_at(serve(half_a_handshake).await, "require").await;
    run.assert_only(DATABASE, "tls", "stalled-in-the-middle");
}

/// Nothing that any of ours knows.
pub async fn it_speaks_nothing_that_is_known() -> Option<Run> {
    let address = answering(b"220 mail.example.com ESMTP\r\n").await;
    let mut last = None;
    for (mode, stage) in MODES {
        let run = doctor_at(address, mode).await;
        run.assert_only(DATABASE, stage, "not-postgres");
        last = Some(run);
    }
    last
}

/// It greets the log-in with a question, as PostgreSQL does, and then says nothing more.
pub async fn it_stops_in_the_middle_of_the_login() -> Option<Run> {
    let address = serve(|mut connection| async move {
        read_some(&mut connection).await;
        // AuthenticationSASL with the one mechanism SCRAM-SHA-256.
        let names = b"SCRAM-SHA-256\0\0";
        let length = u32::try_from(8 + names.len()).unwrap().to_be_bytes();
        let question = [&b"R"[..], &length, &10_u32.to_be_bytes(), names].concat();
        connection.write_all(&question).await.unwrap();
        while connection.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {}
    })
    .await;
    let run = doctor_at(address, "disable").await;
    run.assert_only(DATABASE, "authentication", "stalled-in-the-middle");
    Some(run)
}
