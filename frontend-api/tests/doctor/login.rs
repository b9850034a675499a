//! Servers that can be reached and let nobody in.

use crate::app::App;
use crate::helpers::{DATABASE, PASSWORD, Run, eventually};
use crate::server::Server;

const AUTHENTICATION: &str = "authentication";

#[tokio::test]
async fn the_right_credentials_are_let_in_and_nothing_stays_open() {
    let server = Server::start().await;
    let run = server.doctor(&[]).await;
    run.assert_healthy();
    assert_eq!(run.evidence(DATABASE, AUTHENTICATION), "logged in as app");
    assert_eq!(server.sessions().await, 0);
}

pub async fn the_password_of_the_environment_is_wrong() -> Option<Run> {
    let server = Server::start().await;
    let run = server.doctor(&[("DB_PASS", "not-the-password")]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "password-refused");
    assert!(run.evidence(DATABASE, AUTHENTICATION).starts_with("SQLSTATE 28P01"));
    Some(run)
}

pub async fn the_password_expires_soon() -> Option<Run> {
    let server = Server::start().await;
    for never in ["infinity", "2999-01-01", "2020-01-01"] {
        // Who is let in without a password needs none.
        server.postgres.admit("host all all all trust\n").await;
        server.postgres.execute(&format!("ALTER ROLE app VALID UNTIL '{never}'")).await;
        server.doctor(&[]).await.assert_healthy();
    }
    server
        .postgres
        .execute("DO $$ BEGIN EXECUTE format('ALTER ROLE app VALID UNTIL %L', now() + '3 days'); END $$")
        .await;
    let run = server.doctor(&[]).await;
    run.assert_warned(DATABASE, "writable", "password-expires-soon");
    assert!(run.evidence(DATABASE, "writable").contains("; the password is valid until 20"), "{:#}", run.report);
    Some(run)
}

/// The server refuses it as it refuses a wrong one. The doctor of the service knows what its last log-in has read; here it
/// reads that from a view, so that the test need not wait.
pub async fn the_password_has_expired() -> Option<Run> {
    let server = Server::start_for_service().await;
    let view = "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO app; \
                CREATE VIEW other.pg_roles AS SELECT rolname, '2020-01-01'::timestamptz AS rolvaliduntil \
                FROM pg_catalog.pg_roles; GRANT SELECT ON other.pg_roles TO app; \
                ALTER ROLE app SET search_path = public, other, pg_catalog";
    server.postgres.execute(view).await;
    let app = App::ready(&server.env(&[])).await;
    assert_eq!(app.report().await["Verdict"]["outcome"], "ok");
    server.postgres.execute("ALTER ROLE app VALID UNTIL '2020-01-01'").await;
    let report = eventually("the finding", async || {
        Some(app.report().await).filter(|report| report["Verdict"]["code"] == "password-expired")
    });
    let run = Run::of_service(report.await);
    run.assert_failed(DATABASE, AUTHENTICATION, "password-expired");
    let evidence = run.evidence(DATABASE, AUTHENTICATION);
    assert!(evidence.starts_with("SQLSTATE 28P01: "), "{evidence}");
    assert!(evidence.ends_with("; the password of app was valid until 2020-01-01T00:00:00Z"), "{evidence}");
    Some(run)
}

/// PostgreSQL does not tell strangers which users there are.
#[tokio::test]
async fn an_unknown_user_with_a_password_is_told_the_same() {
    let server = Server::start().await;
    let run = server.doctor(&[("DB_USER", "nobody-there")]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "password-refused");
}

pub async fn an_unknown_user_where_the_server_tells() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.admit("host all postgres all scram-sha-256\nhost all all all trust\n").await;
    let run = server.doctor(&[("DB_USER", "nobody-there")]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "user-unknown");
    assert!(run.evidence(DATABASE, AUTHENTICATION).starts_with("SQLSTATE 28000"));
    Some(run)
}

#[tokio::test]
async fn a_user_that_may_not_log_in_or_not_to_this_database() {
    let server = Server::start().await;
    server.postgres.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC").await;
    server.doctor(&[]).await.assert_only(DATABASE, AUTHENTICATION, "login-refused");
    server.postgres.execute("ALTER ROLE app NOLOGIN; GRANT CONNECT ON DATABASE postgres TO PUBLIC").await;
    server.doctor(&[]).await.assert_only(DATABASE, AUTHENTICATION, "login-refused");
}

pub async fn a_database_that_takes_no_connections() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.execute("CREATE DATABASE closed").await;
    server.postgres.execute("ALTER DATABASE closed ALLOW_CONNECTIONS false").await;
    let run = server.doctor(&[("DB_NAME", "closed")]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "login-refused");
    Some(run)
}

pub async fn a_server_without_tls_that_has_no_rule_for_this_user() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.admit("host all postgres all scram-sha-256\n").await;
    let mut last = None;
    for mode in ["prefer", "disable"] {
        let run = server.doctor(&[("DB_SSLMODE", mode)]).await;
        run.assert_only(DATABASE, AUTHENTICATION, "no-pg-hba-entry");
        last = Some(run);
    }
    last
}

pub async fn there_is_no_such_database() -> Option<Run> {
    let server = Server::start().await;
    let run = server.doctor(&[("DB_NAME", "nowhere")]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "database-missing");
    assert!(run.evidence(DATABASE, AUTHENTICATION).starts_with("SQLSTATE 3D000"));
    Some(run)
}

pub async fn every_connection_of_the_server_is_taken() -> Option<Run> {
    let server = Server::start().await;
    // Of 100 connections, 97 are for the superuser then.
    server.postgres.execute("ALTER SYSTEM SET superuser_reserved_connections = 97").await;
    server.postgres.restart().await;
    let url = format!("postgres://app:{PASSWORD}@127.0.0.1:{}/postgres", server.postgres.port());
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(causeway_testing::postgres::connect(&url).await);
    }
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "too-many-connections");
    assert!(run.evidence(DATABASE, AUTHENTICATION).starts_with("SQLSTATE 53300"));
    assert_eq!(others.len(), 3);
    Some(run)
}

pub async fn a_session_that_can_not_be_set_up() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.execute("ALTER ROLE app SET session_preload_libraries = 'there_is_none'").await;
    let run = server.doctor(&[]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "login-failed");
    assert!(run.evidence(DATABASE, AUTHENTICATION).contains("there_is_none"));
    Some(run)
}

/// Recovery waits for a file of the archive, so the server is starting up for as long as the test wants.
pub async fn the_database_is_starting_up_and_then_it_is_there() -> Option<Run> {
    let server = Server::start().await;
    let hold = server.postgres.write("hold", "").await;
    let wait = format!("while [ -e {} ]; do sleep 0.05; done; false", hold.display());
    server.postgres.execute(&format!("ALTER SYSTEM SET restore_command = '{wait}'")).await;
    // Otherwise it takes connections before recovery ends, and refuses writes.
    server.postgres.execute("ALTER SYSTEM SET hot_standby = off").await;
    server.postgres.write("recovery.signal", "").await;
    let starting = {
        let postgres = server.postgres.clone();
        tokio::spawn(async move { postgres.restart().await })
    };
    // The one before is shutting down first, with the same SQLSTATE.
    let run = crate::helpers::eventually("the server starts up", async || {
        let run = server.doctor(&[]).await;
        let code = &run.report["Verdict"]["code"];
        let starting = code == "database-starting" && run.evidence(DATABASE, AUTHENTICATION).ends_with("starting up");
        starting.then_some(run)
    })
    .await;
    // Before any assertion can fail: the server must be let go.
    std::fs::remove_file(hold).unwrap();
    starting.await.unwrap();
    run.assert_only(DATABASE, AUTHENTICATION, "database-starting");
    server.doctor(&[]).await.assert_healthy();
    Some(run)
}
