//! TLS to PostgreSQL, mode by mode.

use causeway_testing::postgres::{OwnPostgres, TestDatabase};
use reqwest::StatusCode;

use crate::aws::{SecretsManager, on_app_runner, password_of, secret_of};
use crate::config::refused;
use crate::helpers::{App, NO_DATABASE, unavailable, with_url};
use crate::tls_server::{Authority, TlsServer};

/// The address that all tests connect to.
const HERE: &str = "127.0.0.1";

/// The service never gets through, and says so; why is in the log.
async fn assert_refused(app: &App, cause: &str) {
    let logged = app.database_problem().await.to_lowercase();
    assert!(logged.contains(cause), "{logged}");
    unavailable(app.ready().await, "database-unavailable").await;
    unavailable(app.register("curl").await, "database-unavailable").await;
    assert_eq!(app.health().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn verify_full_takes_a_certificate_of_the_given_authority_for_the_hosts_name() {
    let authority = Authority::default();
    let server = TlsServer::start(&authority, HERE).await;
    server.insist_on_tls().await;
    let app = server.spawn("verify-full", &server.roots(&authority).await).await;
    assert!(server.speaks_tls(&app).await);
}

#[tokio::test]
async fn verify_full_refuses_another_authoritys_certificate() {
    let server = TlsServer::start(&Authority::default(), HERE).await;
    let app = server.spawn("verify-full", &server.roots(&Authority::default()).await).await;
    assert_refused(&app, "certificate").await;
}

#[tokio::test]
async fn verify_full_without_roots_trusts_the_public_authorities_alone() {
    let server = TlsServer::start(&Authority::default(), HERE).await;
    assert_refused(&server.spawn("verify-full", "").await, "unknownissuer").await;
}

#[tokio::test]
async fn verify_full_refuses_a_certificate_for_another_name_until_it_is_replaced() {
    let authority = Authority::default();
    let server = TlsServer::start(&authority, "elsewhere.example").await;
    let app = server.spawn("verify-full", &server.roots(&authority).await).await;
    assert_refused(&app, "not valid for name").await;
    server.use_certificate(&authority, HERE).await;
    server.reload().await;
    assert!(server.speaks_tls(&app).await);
}

#[tokio::test]
async fn verify_full_refuses_a_server_without_tls() {
    let database = TestDatabase::create().await;
    let app = App::spawn(&with_url(database.url(), &[("DB_SSLMODE", "verify-full")])).await;
    assert_refused(&app, "tls").await;
}

#[tokio::test]
async fn require_without_roots_takes_any_certificate() {
    let server = TlsServer::start(&Authority::default(), "elsewhere.example").await;
    server.insist_on_tls().await;
    assert!(server.speaks_tls(&server.spawn("require", "").await).await);
}

#[tokio::test]
async fn require_with_roots_verifies_the_authority_and_not_the_name() {
    let authority = Authority::default();
    let server = TlsServer::start(&authority, "elsewhere.example").await;
    let app = server.spawn("require", &server.roots(&authority).await).await;
    assert!(server.speaks_tls(&app).await);
    let app = server.spawn("require", &server.roots(&Authority::default()).await).await;
    assert_refused(&app, "certificate").await;
}

#[tokio::test]
async fn require_refuses_a_server_without_tls() {
    let database = TestDatabase::create().await;
    let app = App::spawn(&with_url(database.url(), &[("DB_SSLMODE", "require")])).await;
    assert_refused(&app, "tls").await;
}

#[tokio::test]
async fn prefer_is_the_default_and_speaks_tls_where_it_is_offered() {
    let server = TlsServer::start(&Authority::default(), "elsewhere.example").await;
    for mode in ["", "prefer"] {
        assert!(server.speaks_tls(&server.spawn(mode, "").await).await);
    }
    let database = TestDatabase::create().await;
    let app = App::spawn(&with_url(database.url(), &[("DB_SSLMODE", "prefer")])).await;
    app.until_ready().await;
}

#[tokio::test]
async fn disable_never_speaks_tls_and_is_refused_where_that_is_demanded() {
    let server = TlsServer::start(&Authority::default(), HERE).await;
    assert!(!server.speaks_tls(&server.spawn("disable", "").await).await);
    server.insist_on_tls().await;
    assert_refused(&server.spawn("disable", "").await, "no pg_hba.conf entry").await;
}

#[tokio::test]
async fn with_a_secret_verify_full_is_the_default() {
    let postgres = OwnPostgres::start().await;
    let aws = SecretsManager::start().await;
    aws.tells(&secret_of(&postgres, "postgres", &password_of(&postgres)));
    let url = aws.url();
    let app = App::spawn(&[&on_app_runner(&url)[..], &[("DB_SSLMODE", "")]].concat()).await;
    assert_refused(&app, "tls").await;
}

#[tokio::test]
async fn roots_that_are_none_are_a_mistake_of_the_configuration() {
    let empty = std::env::temp_dir().join(format!("causeway-no-roots-{}.pem", std::process::id()));
    std::fs::write(&empty, "no certificate\n").unwrap();
    let path = empty.display().to_string();
    let errors = refused(&with_url(NO_DATABASE, &[("DB_SSLROOTCERT", &path)])).await;
    std::fs::remove_file(empty).unwrap();
    assert_eq!(errors, ["DB_SSLROOTCERT"]);
    assert_eq!(refused(&with_url(NO_DATABASE, &[("DB_SSLROOTCERT", "/")])).await, ["DB_SSLROOTCERT"]);
}

#[tokio::test]
async fn what_database_url_says_of_tls_wins_over_the_variables_that_an_image_may_have_set() {
    let server = causeway_testing::postgres::OwnPostgres::start().await;
    let url = format!("{}?sslmode=disable", server.url());
    let env = [("DATABASE_URL", url.as_str()), ("DB_SSLMODE", "verify-full")];
    let app = App::spawn(&env).await;
    app.until_ready().await;
}
