//! PostgreSQL's own stages on one connection: TLS as the server offers it, log-in, a query, the right to write.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{Client, NoTls};

use super::tls;
use crate::database::SslMode;
use crate::doctor::causes::{
    CLOSED, Cause, DATABASE_MISSING, DATABASE_STARTING, ENCRYPTION_REQUIRED, LOGIN_FAILED, LOGIN_REFUSED,
    NO_PG_HBA_ENTRY, NOT_POSTGRES, PASSWORD_REFUSED, TLS_NOT_OFFERED, TOO_MANY_CONNECTIONS, USER_UNKNOWN,
};
use crate::doctor::walk::{Fault, Found};

/// What `pg_stat_activity` calls the doctor's connections.
const APPLICATION_NAME: &str = "causeway-doctor";

pub(in crate::doctor) const LIMIT: Duration = Duration::from_secs(2);

/// For the server to take leave.
const CLOSE_LIMIT: Duration = Duration::from_millis(200);

/// Length and code of the message that asks for TLS (PostgreSQL's protocol, `SSLRequest`).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A connection that may be encrypted.
pub(in crate::doctor) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Asks for TLS and shakes hands. Without `verifier` there is no such stage.
pub(in crate::doctor) async fn encrypt(
    mut stream: TcpStream,
    host: &str,
    mode: SslMode,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<Found<Box<dyn Stream>>, Fault> {
    match offers_tls(&mut stream).await {
        Ok(b'S') => {
            let found = tls::handshake(stream, host, verifier).await?;
            Ok(found.map(|stream| Box::new(stream) as Box<dyn Stream>))
        }
        Ok(b'N') if mode == SslMode::Prefer => {
            Ok(Found::new(Box::new(stream), "not offered; DB_SSLMODE=prefer goes on without"))
        }
        Ok(b'N') => Err(Fault::new(&TLS_NOT_OFFERED, "the server answered N to SSLRequest")),
        Ok(other) => Err(not_postgres(other)),
        Err(error) => Err(Fault::new(&CLOSED, format!("after SSLRequest: {error}"))),
    }
}

/// The byte that the server answers to the wish for TLS: `S` or `N`.
async fn offers_tls(stream: &mut TcpStream) -> io::Result<u8> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.read_u8().await
}

/// One log-in. Dropping it ends the connection, whatever the server is doing.
pub(in crate::doctor) struct Session {
    pub(super) client: Client,
    /// The driver's own task, which would wait for the answer to a statement that nobody waits for.
    connection: JoinSet<()>,
}

impl Session {
    /// Takes leave of the server.
    pub(in crate::doctor) async fn close(self) {
        let Self { client, mut connection } = self;
        drop(client);
        // A server that is stuck has to find out by itself.
        let _ = timeout(CLOSE_LIMIT, connection.join_next()).await;
    }
}

/// Logs in on a connection to `address`.
pub(in crate::doctor) async fn log_in(
    stream: Box<dyn Stream>,
    address: Option<SocketAddr>,
    mut driver: tokio_postgres::Config,
) -> Result<Found<Session>, Fault> {
    // TLS, where there is any, is under this stream already.
    driver.ssl_mode(tokio_postgres::config::SslMode::Disable).application_name(APPLICATION_NAME);
    match driver.connect_raw(stream, NoTls).await {
        Ok((client, connection)) => {
            let mut task = JoinSet::new();
            task.spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "the doctor's connection ended");
                }
            });
            let session = Session { client, connection: task };
            Ok(Found::new(session, format!("logged in as {}", driver.get_user().unwrap_or_default())))
        }
        Err(error) => {
            let fault = login_fault(&error);
            let told = error.as_db_error().is_some();
            Err(look_again(fault, told, address).await)
        }
    }
}

/// Without TLS two things stay unclear. A server refuses with the same words whether encryption would help or not, which
/// it can't where there is none to be had. And what says nothing that we understand may not be PostgreSQL at all.
async fn look_again(fault: Fault, told: bool, address: Option<SocketAddr>) -> Fault {
    let unclear = fault.cause == &ENCRYPTION_REQUIRED || !told;
    let Some(address) = address.filter(|_| unclear) else { return fault };
    let answer = async { offers_tls(&mut TcpStream::connect(address).await?).await };
    match answer.await {
        Ok(b'N') if told => Fault::new(&NO_PG_HBA_ENTRY, format!("{}; the server offers no TLS", fault.evidence)),
        Ok(byte) if !told && byte != b'N' && byte != b'S' => not_postgres(byte),
        _ => fault,
    }
}

fn not_postgres(answer: u8) -> Fault {
    Fault::new(&NOT_POSTGRES, format!("the answer to SSLRequest is the byte {answer:#04x}"))
}

fn login_fault(error: &tokio_postgres::Error) -> Fault {
    let Some(db) = error.as_db_error() else {
        let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
        let cause = if error.is_closed() || io.is_some_and(tls::is_end) { &CLOSED } else { &LOGIN_FAILED };
        return Fault::new(cause, causeway_common::telemetry::chain(error));
    };
    Fault::new(login_cause(db), describe(db))
}

fn login_cause(db: &DbError) -> &'static Cause {
    let says = |text| db.message().contains(text);
    let code = db.code();
    if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        return match () {
            () if says("does not exist") => &USER_UNKNOWN,
            () if says("no encryption") || says("SSL off") => &ENCRYPTION_REQUIRED,
            () if says("pg_hba.conf") => &NO_PG_HBA_ENTRY,
            () => &LOGIN_REFUSED,
        };
    }
    match *code {
        SqlState::INVALID_PASSWORD if says("PAM") => &LOGIN_REFUSED,
        SqlState::INVALID_PASSWORD => &PASSWORD_REFUSED,
        SqlState::INVALID_CATALOG_NAME => &DATABASE_MISSING,
        SqlState::TOO_MANY_CONNECTIONS => &TOO_MANY_CONNECTIONS,
        // ALLOW_CONNECTIONS is false: waiting would not help.
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE if says("not currently accepting connections") => &LOGIN_REFUSED,
        SqlState::CANNOT_CONNECT_NOW | SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE => &DATABASE_STARTING,
        SqlState::INSUFFICIENT_PRIVILEGE => &LOGIN_REFUSED,
        _ => &LOGIN_FAILED,
    }
}

/// Code and message. Not the detail: that can quote data.
pub(super) fn describe(db: &DbError) -> String {
    format!("SQLSTATE {}: {}", db.code().code(), db.message())
}
