//! PostgreSQL's own stages on one connection: TLS as the server offers it, log-in, a query, the right to write.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::danger::ServerCertVerifier;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{Client, NoTls};

use super::tls;
use crate::database::{Engine, SslMode};
use crate::doctor::causes::{
    CLOSED, CONNECTION_LIMIT, Cause, DATABASE_MISSING, DATABASE_STARTING, DSQL_ACCESS_DENIED, ENCRYPTION_REQUIRED,
    IAM_GRANT_MISSING, IAM_POLICY_MISSING, IAM_TOKEN_EXPIRED, LOGIN_FAILED, LOGIN_REFUSED, NO_PG_HBA_ENTRY,
    NOT_POSTGRES, PASSWORD_REFUSED, POOLER_BACKEND, POOLER_FULL, POOLER_PARAMETER, PROXY_CREDENTIALS, SHUTTING_DOWN,
    TLS_CLIENT_CERTIFICATE, TLS_NOT_OFFERED, TOO_MANY_CONNECTIONS, USER_UNKNOWN,
};
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found};

/// What `pg_stat_activity` calls the doctor's connections.
const APPLICATION_NAME: &str = "causeway-doctor";

pub(in crate::doctor) const STAGE_LIMIT: Duration = Duration::from_secs(2);

/// For the server to take leave.
const CLOSE_LIMIT: Duration = Duration::from_millis(200);

/// Length and code of the message that asks for TLS (PostgreSQL's protocol, `SSLRequest`).
pub(in crate::doctor) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

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
            let found = tls::handshake(stream, host, verifier, &Subject::Database).await?;
            Ok(found.map(|stream| Box::new(stream) as Box<dyn Stream>))
        }
        Ok(b'N') if mode == SslMode::Prefer => {
            Ok(Found::new(Box::new(stream), "not offered; DB_SSLMODE=prefer continues without TLS"))
        }
        Ok(b'N') => Err(Fault::new(&TLS_NOT_OFFERED, "the server answered N to SSLRequest")),
        Ok(other) => Err(not_postgres(other)),
        Err(error) => Err(Fault::new(&CLOSED, format!("after SSLRequest: {error}"))),
    }
}

/// The byte with which the server answers the request for TLS: `S` or `N`.
async fn offers_tls(stream: &mut TcpStream) -> io::Result<u8> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.read_u8().await
}

/// One log-in. Dropping it ends the connection, whatever the server is doing.
pub(in crate::doctor) struct Session {
    pub(super) client: Client,
    pub(super) engine: Engine,
    /// The driver's own task, which would wait for the answer to an abandoned statement.
    connection: JoinSet<()>,
}

impl Session {
    /// Ends the session.
    pub(in crate::doctor) async fn close(self) {
        let Self { client, mut connection, .. } = self;
        drop(client);
        // A stuck server must notice this by itself.
        let _ = timeout(CLOSE_LIMIT, connection.join_next()).await;
    }
}

/// Logs in on a connection to `address`. If the password is a token, `token_until` is when it expires.
pub(in crate::doctor) async fn log_in(
    stream: Box<dyn Stream>,
    address: Option<SocketAddr>,
    mut driver: tokio_postgres::Config,
    (engine, token_until): (Engine, Option<SystemTime>),
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
            let session = Session { client, engine, connection: task };
            Ok(Found::new(session, format!("logged in as {}", driver.get_user().unwrap_or_default())))
        }
        Err(error) => {
            let fault = login_fault(&error, engine, token_until);
            let told = error.as_db_error().is_some();
            Err(look_again(fault, told, address).await)
        }
    }
}

/// Without TLS two things stay unclear. A server uses the same text whether encryption would help or not; if it offers no
/// TLS, encryption cannot help. And a server whose answer is not understood may not be PostgreSQL.
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

fn login_fault(error: &tokio_postgres::Error, engine: Engine, token_until: Option<SystemTime>) -> Fault {
    let Some(db) = error.as_db_error() else {
        let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
        let cause = match () {
            () if tls::is_for_client_certificate(error) => &TLS_CLIENT_CERTIFICATE,
            () if error.is_closed() || io.is_some_and(tls::is_end) => &CLOSED,
            () => &LOGIN_FAILED,
        };
        return Fault::new(cause, causeway_common::telemetry::chain(error));
    };
    let cause = login_cause(db);
    let of_token = token_until.and_then(|until| match engine {
        Engine::Postgres => token_cause(db, cause, until),
        Engine::Dsql => dsql_cause(db, until),
    });
    Fault::new(of_token.unwrap_or(cause), describe(db))
}

/// Returns why a token was refused, if it was. Aurora gives tokens to PAM only for roles that have `rds_iam`; those of any
/// other role are compared with a password.
fn token_cause(db: &DbError, cause: &Cause, until: SystemTime) -> Option<&'static Cause> {
    let says = |text| db.message().contains(text);
    match () {
        () if *cause == PASSWORD_REFUSED => Some(&IAM_GRANT_MISSING),
        () if !says("PAM") && !says("IAM authentication failed") => None,
        () if until <= SystemTime::now() => Some(&IAM_TOKEN_EXPIRED),
        () => Some(&IAM_POLICY_MISSING),
    }
}

/// Returns the same for DSQL, which does not distinguish a missing policy from a missing grant.
fn dsql_cause(db: &DbError, until: SystemTime) -> Option<&'static Cause> {
    let is_refused = db.code().code().starts_with("28") || db.message().contains("access denied");
    let is_expired = until <= SystemTime::now() || db.message().contains("expired");
    is_refused.then_some(if is_expired { &IAM_TOKEN_EXPIRED } else { &DSQL_ACCESS_DENIED })
}

fn login_cause(db: &DbError) -> &'static Cause {
    let says = |text| db.message().contains(text);
    let code = db.code();
    if let Some(cause) = pooler_cause(db) {
        return cause;
    }
    if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        return match () {
            () if says("valid client certificate") => &TLS_CLIENT_CERTIFICATE,
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
        // Since PostgreSQL 16, slots "are reserved for roles with …" when the whole server has none left.
        SqlState::TOO_MANY_CONNECTIONS if says("connections for role") || says("connections for database") => {
            &CONNECTION_LIMIT
        }
        SqlState::TOO_MANY_CONNECTIONS => &TOO_MANY_CONNECTIONS,
        // ALLOW_CONNECTIONS is false: waiting would not help.
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE if says("not currently accepting connections") => &LOGIN_REFUSED,
        SqlState::ADMIN_SHUTDOWN => &SHUTTING_DOWN,
        SqlState::CANNOT_CONNECT_NOW if says("shutting down") => &SHUTTING_DOWN,
        SqlState::CANNOT_CONNECT_NOW | SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE => &DATABASE_STARTING,
        SqlState::INSUFFICIENT_PRIVILEGE => &LOGIN_REFUSED,
        _ => &LOGIN_FAILED,
    }
}

/// Returns the cause that a pooler reports. pgbouncer has one SQLSTATE (08P01) for all its own errors, and RDS Proxy uses
/// PostgreSQL's codes for its refusals, so their sentences decide.
pub(super) fn pooler_cause(db: &DbError) -> Option<&'static Cause> {
    const SENTENCES: [(&str, &Cause); 17] = [
        ("unsupported startup parameter", &POOLER_PARAMETER),
        ("no such database", &DATABASE_MISSING),
        ("no such user", &USER_UNKNOWN),
        ("SSL required", &ENCRYPTION_REQUIRED),
        ("no more connections allowed", &POOLER_FULL),
        ("query_wait_timeout", &POOLER_FULL),
        ("client_login_timeout", &POOLER_FULL),
        ("server login failed", &POOLER_BACKEND),
        ("server login has been failing", &POOLER_BACKEND),
        ("cannot connect to server", &POOLER_BACKEND),
        ("server down", &POOLER_BACKEND),
        ("pooler is shut", &SHUTTING_DOWN),
        ("proxy has no credentials", &PROXY_CREDENTIALS),
        ("proxy requires TLS", &ENCRYPTION_REQUIRED),
        ("IAM authentication failed", &LOGIN_REFUSED),
        ("acquire database connection", &POOLER_FULL),
        ("database does not allow connections", &LOGIN_REFUSED),
    ];
    let message = db.message().to_lowercase();
    SENTENCES.iter().find(|(sentence, _)| message.contains(&sentence.to_lowercase())).map(|&(_, cause)| cause)
}

/// Code and message. Not the detail: that can quote data.
pub(super) fn describe(db: &DbError) -> String {
    format!("SQLSTATE {}: {}", db.code().code(), db.message())
}
