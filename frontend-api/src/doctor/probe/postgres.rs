//! PostgreSQL's own stages on one connection: TLS as the server offers it, log-in, a query, the right to write.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{Client, NoTls};

use super::tls;
use crate::database::{SslMode, TableName};
use crate::doctor::catalogue::{
    CLOSED, Cause, DATABASE_MISSING, DATABASE_STARTING, ENCRYPTION_REQUIRED, LOGIN_FAILED, LOGIN_REFUSED,
    NO_PG_HBA_ENTRY, NOT_POSTGRES, PASSWORD_REFUSED, PERMISSION_DENIED, QUERY_FAILED, READ_ONLY, READ_ONLY_REPLICA,
    SLOW_QUERY, TABLE_MISSING, TLS_NOT_OFFERED, TOO_MANY_CONNECTIONS, USER_UNKNOWN,
};
use crate::doctor::walk::{Fault, Found};

pub(in crate::doctor) const LIMIT: Duration = Duration::from_secs(2);

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
        Ok(other) => Err(Fault::new(&NOT_POSTGRES, format!("the answer to SSLRequest is the byte {other:#04x}"))),
        Err(error) => Err(Fault::new(&CLOSED, format!("after SSLRequest: {error}"))),
    }
}

async fn offers_tls(stream: &mut TcpStream) -> io::Result<u8> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.read_u8().await
}

/// Logs in. The connection lives until the client is dropped.
pub(in crate::doctor) async fn log_in(
    stream: Box<dyn Stream>,
    mut driver: tokio_postgres::Config,
) -> Result<Found<Client>, Fault> {
    // TLS, where there is any, is under this stream already.
    driver.ssl_mode(tokio_postgres::config::SslMode::Disable);
    match driver.connect_raw(stream, NoTls).await {
        Ok((client, connection)) => {
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "the doctor's connection ended");
                }
            });
            Ok(Found::new(client, format!("logged in as {}", driver.get_user().unwrap_or_default())))
        }
        Err(error) => Err(login_fault(&error)),
    }
}

fn login_fault(error: &tokio_postgres::Error) -> Fault {
    let Some(db) = error.as_db_error() else {
        let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
        let cause = if error.is_closed() || io.is_some_and(tls::is_end) { &CLOSED } else { &LOGIN_FAILED };
        return Fault::new(cause, causeway_common::error::chain(error));
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
        SqlState::CANNOT_CONNECT_NOW | SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE => &DATABASE_STARTING,
        SqlState::INSUFFICIENT_PRIVILEGE => &LOGIN_REFUSED,
        _ => &LOGIN_FAILED,
    }
}

/// Reads from the table, as `/recent-visits` does.
pub(in crate::doctor) async fn query(client: &Client, table: &TableName) -> Result<Found<()>, Fault> {
    let sql = format!("SELECT 1 FROM {table} LIMIT 1");
    client.simple_query(&sql).await.map_err(|error| query_fault(&error))?;
    Ok(Found::new((), format!("{table} can be read")))
}

/// Asks whether an INSERT would be taken; makes none.
pub(in crate::doctor) async fn writable(client: &Client, table: &TableName) -> Result<Found<()>, Fault> {
    let sql = format!(
        "SELECT current_setting('transaction_read_only')::bool, pg_is_in_recovery(), \
         has_table_privilege('{table}', 'INSERT')"
    );
    let row = client.query_one(&sql, &[]).await.map_err(|error| query_fault(&error))?;
    let flag = |column: usize| row.try_get::<_, bool>(column).map_err(|error| query_fault(&error));
    match (flag(0)?, flag(1)?, flag(2)?) {
        (_, true, _) => Err(Fault::new(&READ_ONLY_REPLICA, "pg_is_in_recovery() is true")),
        (true, false, _) => Err(Fault::new(&READ_ONLY, "transaction_read_only is on, pg_is_in_recovery() is false")),
        (false, false, false) => Err(Fault::new(&PERMISSION_DENIED, format!("no INSERT on {table}"))),
        (false, false, true) => Ok(Found::new((), format!("{table} can be written"))),
    }
}

fn query_fault(error: &tokio_postgres::Error) -> Fault {
    let Some(db) = error.as_db_error() else {
        return Fault::new(&QUERY_FAILED, causeway_common::error::chain(error));
    };
    let cause = match *db.code() {
        SqlState::UNDEFINED_TABLE | SqlState::INVALID_SCHEMA_NAME => &TABLE_MISSING,
        SqlState::INSUFFICIENT_PRIVILEGE => &PERMISSION_DENIED,
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => &SLOW_QUERY,
        _ => &QUERY_FAILED,
    };
    Fault::new(cause, describe(db))
}

/// Code and message. Not the detail: that can quote data.
fn describe(db: &DbError) -> String {
    format!("SQLSTATE {}: {}", db.code().code(), db.message())
}
