//! `DB_AUTH=iam`: the service logs in with a token of its AWS role, and has no password.

use std::collections::BTreeSet;

use causeway_testing::tokens::{SESSION_TOKEN, TokenServer};
use serde_json::Value;

use crate::config::{FRONTEND_API, refused};
use crate::helpers::{App, eventually};

const SIGNATURE: &str = "X-Amz-Signature=";
const TARGET: [(&str, &str); 4] =
    [("DB_AUTH", "iam"), ("DB_HOST", "db.internal"), ("DB_USER", "app"), ("AWS_REGION", "eu-west-1")];

async fn spawn(server: &TokenServer, more: &[(&str, &str)]) -> App {
    let env = server.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
    App::spawn(&env).await
}

#[tokio::test]
async fn each_log_in_has_a_token_of_its_own_whose_signature_is_valid() {
    let server = TokenServer::start().await;
    // Connections live for a moment only, so that new ones are made all the time.
    let app = spawn(&server, &[("DB_MAX_LIFETIME_MS", "20")]).await;
    app.until_ready().await;
    app.registered("curl").await;
    // A second later a token has another time.
    eventually("there are two different tokens", async || {
        app.registered("curl").await;
        (BTreeSet::from_iter(server.tokens()).len() >= 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_refused_token_is_signed_anew_until_the_database_takes_it() {
    let server = TokenServer::start().await;
    server.refuse("28P01", "PAM authentication failed for user \"app\"");
    let app = spawn(&server, &[]).await;
    let cause = app.database_problem().await;
    assert!(cause.contains("PAM authentication failed"), "{cause}");
    server.admit();
    app.until_ready().await;
    app.registered("curl").await;
}

#[tokio::test]
async fn no_token_is_logged_however_much_is() {
    let server = TokenServer::start().await;
    server.refuse("28P01", "PAM authentication failed for user \"app\"");
    let mut app = spawn(&server, &[("RUST_LOG", "trace"), ("LOG_FORMAT", "json")]).await;
    app.database_problem().await;
    server.admit();
    app.until_ready().await;
    app.registered("curl").await;
    app.until_examined().await;
    let report = app.get("/test-connection").await.text().await.unwrap();
    app.service.stop().await;
    let lines: Vec<String> = app.service.logs().iter().map(Value::to_string).collect();
    assert!(lines.iter().any(|line| line.contains("TRACE")), "the log is at its most talkative");
    let token = server.tokens().pop().unwrap();
    let signature = token.split_once(SIGNATURE).unwrap().1.to_owned();
    // In a URL the rest of it looks otherwise.
    let (session_token, _) = SESSION_TOKEN.split_once('/').unwrap();
    for secret in [SIGNATURE, &signature, session_token, "key-of-aws-itself"] {
        assert!(!lines.iter().chain([&report]).any(|line| line.contains(secret)), "{secret} is told");
    }
}

#[tokio::test]
async fn whatever_names_a_password_is_refused_with_tokens() {
    let with = async |more: &[(&str, &str)]| refused(&[&TARGET[..], more].concat()).await;
    assert_eq!(with(&[]).await, [""; 0]);
    assert_eq!(with(&[("DB_PASS", "hunter2")]).await, ["DB_PASS"]);
    assert_eq!(with(&[("DBSECRETSNAME", "demo/database")]).await, ["DBSECRETSNAME"]);
    assert_eq!(with(&[("APPRUNNERSERVICE", "true")]).await, ["APPRUNNERSERVICE"]);
    assert_eq!(with(&[("DATABASE_URL", "postgres://app:hunter2@db.internal/name")]).await, ["DATABASE_URL"]);
    assert_eq!(with(&[("DATABASE_URL", "postgres://app@db.internal/name")]).await, [""; 0]);
    let (_, _, stderr) = FRONTEND_API.run(&[], &[&TARGET[..], &[("DB_PASS", "hunter2")]].concat()).await;
    assert!(stderr.contains("\n  DB_PASS: is set: remove it") && !stderr.contains("hunter2"), "{stderr}");
}

#[tokio::test]
async fn tokens_need_a_verified_certificate_a_region_a_host_and_a_user() {
    let with = async |more: &[(&str, &str)]| refused(&[&TARGET[..], more].concat()).await;
    for mode in ["disable", "prefer", "require"] {
        assert_eq!(with(&[("DB_SSLMODE", mode)]).await, ["DB_SSLMODE"]);
        let url = format!("postgres://app@db.internal/name?sslmode={mode}");
        assert_eq!(with(&[("DATABASE_URL", &url)]).await, ["DATABASE_URL"]);
    }
    assert_eq!(with(&[("DB_SSLMODE", "verify-full")]).await, [""; 0]);
    assert_eq!(
        with(&[("DATABASE_URL", "postgres://app@db.internal/n?channel_binding=require")]).await,
        ["DATABASE_URL"]
    );
    assert_eq!(with(&[("AWS_REGION", "")]).await, ["AWS_REGION"]);
    assert_eq!(with(&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "eu-west-1")]).await, [""; 0]);
    assert_eq!(with(&[("DB_HOST", ""), ("DB_USER", "")]).await, ["DB_HOST", "DB_USER"]);
    assert_eq!(refused(&[("DB_AUTH", "kerberos"), ("DATABASE_URL", "postgres://app@db.internal")]).await, ["DB_AUTH"]);
    let wrong_url = [("DB_AUTH", "iam"), ("AWS_REGION", "eu-west-1"), ("DATABASE_URL", "mysql://app@db.internal")];
    assert_eq!(refused(&wrong_url).await, ["DATABASE_URL"]);
}

#[tokio::test]
async fn the_printed_configuration_has_a_token_in_place_of_the_password() {
    let (code, list, stderr) = FRONTEND_API.run(&["config", "--print"], &TARGET).await;
    assert_eq!(code, Some(0), "{stderr}");
    let rows: Vec<_> = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for row in [
        "DB_AUTH iam environment",
        "DB_PASS (a token, signed for each log-in) DB_AUTH",
        "DB_SSLMODE verify-full default",
    ] {
        assert!(rows.iter().any(|shown| shown == row), "{row} is not in {rows:#?}");
    }
}
