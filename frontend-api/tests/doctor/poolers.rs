//! What poolers and servers refuse, in the words of pgbouncer, RDS Proxy and PostgreSQL themselves.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::helpers::{DATABASE, PASSWORD, Run};
use crate::server::Server;
use crate::wire::{doctor_at, serve};

const AUTHENTICATION: &str = "authentication";
const PGBOUNCER: &str = "08P01";

/// `ErrorResponse` of PostgreSQL's protocol.
fn error(code: &str, message: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
    [b"E", &length[..], fields.as_bytes()].concat()
}

async fn read_some(connection: &mut TcpStream) -> bool {
    connection.read(&mut [0; 8192]).await.is_ok_and(|count| count > 0)
}

/// A server that answers the log-in with this error.
async fn refusing(code: &'static str, message: &'static str) -> Run {
    let address = serve(move |mut connection| async move {
        if read_some(&mut connection).await {
            connection.write_all(&error(code, message)).await.unwrap();
        }
    })
    .await;
    doctor_at(address, "disable").await
}

/// Lets everybody in, as a pooler does before it has a server's connection, and answers the first statement so.
async fn refusing_statements(answer: Vec<u8>) -> Run {
    let address = serve(move |mut connection| {
        let answer = answer.clone();
        async move {
            if read_some(&mut connection).await {
                // AuthenticationOk, ReadyForQuery.
                let welcome = [&b"R"[..], &8_u32.to_be_bytes(), &[0; 4], b"Z", &5_u32.to_be_bytes(), b"I"].concat();
                connection.write_all(&welcome).await.unwrap();
                if read_some(&mut connection).await {
                    connection.write_all(&answer).await.unwrap();
                }
            }
        }
    })
    .await;
    doctor_at(address, "disable").await
}

async fn refused(code: &str, errors: &[(&'static str, &'static str)]) -> Option<Run> {
    let mut last = None;
    for (state, message) in errors {
        let run = refusing(state, message).await;
        run.assert_only(DATABASE, AUTHENTICATION, code);
        assert_eq!(run.evidence(DATABASE, AUTHENTICATION), format!("SQLSTATE {state}: {message}"));
        last = Some(run);
    }
    last
}

pub async fn the_pooler_refuses_a_parameter() -> Option<Run> {
    refused("pooler-refuses-parameter", &[(PGBOUNCER, "unsupported startup parameter: application_name")]).await
}

pub async fn the_pooler_is_exhausted() -> Option<Run> {
    let waited = error(PGBOUNCER, "query_wait_timeout");
    refusing_statements(waited).await.assert_only(DATABASE, "query", "pooler-exhausted");
    let errors = [
        (PGBOUNCER, "no more connections allowed (max_client_conn)"),
        (PGBOUNCER, "client_login_timeout (server down)"),
        ("08000", "Timed-out waiting to acquire database connection"),
    ];
    refused("pooler-exhausted", &errors).await
}

pub async fn the_pooler_can_not_connect() -> Option<Run> {
    let errors = [
        (PGBOUNCER, "pgbouncer cannot connect to server"),
        (PGBOUNCER, "server login has been failing, try again later (server_login_retry)"),
        (PGBOUNCER, "server login failed: FATAL password authentication failed for user \"app\""),
    ];
    refused("pooler-cannot-connect", &errors).await
}

pub async fn the_proxy_has_no_credentials() -> Option<Run> {
    let message =
        "This RDS proxy has no credentials for the role app. Check the credentials for this role and try again.";
    refused("proxy-without-credentials", &[("28000", message)]).await
}

/// What a pooler says in its own words has the causes of PostgreSQL.
#[tokio::test]
async fn a_pooler_without_the_database_the_user_or_tls() {
    refused("database-missing", &[(PGBOUNCER, "no such database: nowhere")]).await;
    refused("user-unknown", &[(PGBOUNCER, "no such user: nobody")]).await;
    refused(
        "encryption-required",
        &[(PGBOUNCER, "SSL required"), ("28000", "This RDS proxy requires TLS connections")],
    )
    .await;
    refused("password-refused", &[("28P01", "password authentication failed")]).await;
    let expired = "The IAM authentication failed for the role app. Check the IAM token for this role and try again.";
    refused("login-refused", &[("28000", expired)]).await;
}

pub async fn it_is_shutting_down() -> Option<Run> {
    let ended = error("57P01", "terminating connection due to administrator command");
    refusing_statements(ended).await.assert_only(DATABASE, "query", "shutting-down");
    refused("shutting-down", &[("57P03", "the database system is shutting down")]).await
}

pub async fn the_session_is_cut() -> Option<Run> {
    let run = refusing_statements(Vec::new()).await;
    run.assert_only(DATABASE, "query", "cut-in-the-middle");
    Some(run)
}

pub async fn the_role_or_the_database_has_no_connection_left() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.execute("CREATE DATABASE narrow").await;
    server.postgres.execute("ALTER DATABASE narrow CONNECTION LIMIT 0").await;
    let run = server.doctor(&[("DB_NAME", "narrow")]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "connection-limit");
    server.postgres.execute("ALTER ROLE app CONNECTION LIMIT 0").await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "connection-limit");
    Some(run)
}

/// The server has one answer for a wrong and for an expired password; the remedy has both.
#[tokio::test]
async fn the_password_has_expired() {
    let server = Server::start().await;
    server.postgres.execute("ALTER ROLE app VALID UNTIL '2020-01-01'").await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "password-refused");
    assert!(run.stage(DATABASE, AUTHENTICATION)["remedy"].as_str().unwrap().contains("VALID UNTIL"));
}

pub async fn nearly_all_connections_are_in_use() -> Option<Run> {
    let server = Server::start().await;
    // Of 100 connections, 90 are for the superuser then.
    server.postgres.execute("ALTER SYSTEM SET superuser_reserved_connections = 90").await;
    server.postgres.restart().await;
    let url = format!("postgres://app:{PASSWORD}@127.0.0.1:{}/postgres", server.postgres.port());
    let mut others = Vec::new();
    for _ in 0..8 {
        others.push(causeway_testing::postgres::connect(&url).await);
    }
    let run = server.doctor(&[]).await;
    run.assert_warned(DATABASE, "writable", "connections-nearly-used-up");
    assert_eq!(others.len(), 8);
    Some(run)
}

/// The server's clock can't be moved; its search path can have another `clock_timestamp`.
pub async fn the_servers_clock_is_another() -> Option<Run> {
    let server = Server::start().await;
    let clock = "CREATE SCHEMA fast; GRANT USAGE ON SCHEMA fast TO app; \
                 CREATE FUNCTION fast.clock_timestamp() RETURNS timestamptz LANGUAGE sql \
                 AS 'SELECT pg_catalog.clock_timestamp() + interval ''5 minutes'''; \
                 ALTER ROLE app SET search_path = fast, pg_catalog, public";
    server.postgres.execute(clock).await;
    let run = server.doctor(&[]).await;
    run.assert_warned(DATABASE, "writable", "clock-differs");
    Some(run)
}
