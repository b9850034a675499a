//! Servers whose certificate is not to be trusted, or that have none.

use causeway_testing::postgres::Authority;

use crate::helpers::{DATABASE, Run};
use crate::server::Server;

const HERE: &str = "127.0.0.1";
const TLS: &str = "tls";

/// What the doctor says of this server when it trusts this authority alone.
async fn trusting(server: &Server, authority: &Authority) -> Run {
    let roots = server.postgres.write("roots.pem", &authority.pem()).await.display().to_string();
    server.doctor(&[("DB_SSLMODE", "verify-full"), ("DB_SSLROOTCERT", &roots)]).await
}

async fn server_with(certificate: (String, String)) -> Server {
    let server = Server::start().await;
    server.postgres.speak_tls(certificate).await;
    server
}

#[tokio::test]
async fn a_certificate_of_the_right_authority_and_name_is_shown_as_evidence() {
    let authority = Authority::default();
    let server = server_with(authority.issue(HERE)).await;
    let run = trusting(&server, &authority).await;
    run.assert_healthy();
    let evidence = run.evidence(DATABASE, TLS);
    assert!(evidence.starts_with("TLSv1_3, a certificate for CN="), "{evidence}");
}

pub async fn the_server_does_not_offer_tls() -> Option<Run> {
    let server = Server::start().await;
    let mut last = None;
    for mode in ["require", "verify-full"] {
        let run = server.doctor(&[("DB_SSLMODE", mode)]).await;
        run.assert_only(DATABASE, TLS, "tls-not-offered");
        last = Some(run);
    }
    let run = server.doctor(&[("DB_SSLMODE", "prefer")]).await;
    run.assert_healthy();
    assert_eq!(run.evidence(DATABASE, TLS), "not offered; DB_SSLMODE=prefer continues without TLS");
    last
}

pub async fn the_certificate_is_of_another_authority() -> Option<Run> {
    let server = server_with(Authority::default().issue(HERE)).await;
    let run = trusting(&server, &Authority::default()).await;
    run.assert_only(DATABASE, TLS, "tls-unknown-authority");
    // Nor is it one of the public ones.
    let run = server.doctor(&[("DB_SSLMODE", "verify-full")]).await;
    run.assert_only(DATABASE, TLS, "tls-unknown-authority");
    let evidence = run.evidence(DATABASE, TLS);
    assert!(evidence.contains("UnknownIssuer") && evidence.contains("valid until"), "{evidence}");
    Some(run)
}

pub async fn the_certificate_has_expired() -> Option<Run> {
    let authority = Authority::default();
    let server = server_with(authority.issue_expired(HERE)).await;
    let run = trusting(&server, &authority).await;
    run.assert_only(DATABASE, TLS, "tls-expired");
    assert!(run.evidence(DATABASE, TLS).contains("2020-02-01"), "{}", run.evidence(DATABASE, TLS));
    Some(run)
}

pub async fn the_certificate_is_for_another_name() -> Option<Run> {
    let authority = Authority::default();
    let server = server_with(authority.issue("elsewhere.example")).await;
    let run = trusting(&server, &authority).await;
    run.assert_only(DATABASE, TLS, "tls-wrong-name");
    assert!(run.evidence(DATABASE, TLS).contains("elsewhere.example"), "{}", run.evidence(DATABASE, TLS));
    Some(run)
}

pub async fn the_server_speaks_versions_of_tls_that_are_too_old() -> Option<Run> {
    let authority = Authority::default();
    let server = server_with(authority.issue(HERE)).await;
    let old = "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1'";
    server.postgres.execute(old).await;
    server.postgres.execute("ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.1'").await;
    server.postgres.restart().await;
    let run = trusting(&server, &authority).await;
    run.assert_only(DATABASE, TLS, "tls-too-old");
    Some(run)
}

pub async fn the_server_has_no_cipher_in_common() -> Option<Run> {
    let authority = Authority::default();
    let server = server_with(authority.issue(HERE)).await;
    server.postgres.execute("ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.2'").await;
    server.postgres.execute("ALTER SYSTEM SET ssl_ciphers = 'ECDHE-ECDSA-AES128-SHA'").await;
    server.postgres.restart().await;
    let run = trusting(&server, &authority).await;
    run.assert_only(DATABASE, TLS, "tls-failed");
    Some(run)
}

pub async fn the_server_wants_tls_and_db_sslmode_forbids_it() -> Option<Run> {
    let server = server_with(Authority::default().issue(HERE)).await;
    server.postgres.admit("hostssl all app all scram-sha-256\nhost all postgres all scram-sha-256\n").await;
    let run = server.doctor(&[("DB_SSLMODE", "disable")]).await;
    run.assert_only(DATABASE, "authentication", "encryption-required");
    server.doctor(&[("DB_SSLMODE", "require")]).await.assert_healthy();
    Some(run)
}

#[tokio::test]
async fn a_server_with_tls_that_has_no_rule_for_this_user() {
    let server = server_with(Authority::default().issue(HERE)).await;
    server.postgres.admit("host all postgres all scram-sha-256\n").await;
    for mode in ["prefer", "require"] {
        let run = server.doctor(&[("DB_SSLMODE", mode)]).await;
        run.assert_only(DATABASE, "authentication", "no-pg-hba-entry");
    }
}
