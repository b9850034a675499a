//! Values that can't be right: named before the network is asked.

use causeway_testing::aws::{SecretsManager, on_app_runner, rds_secret};
use serde_json::{Value, json};

use crate::helpers::{DATABASE, PASSWORD, Run, SECRETS_MANAGER, doctor};
use crate::server::{ROLE, Server};

async fn with_secret(key: &str, value: Value) -> Run {
    let aws = SecretsManager::start().await;
    let mut secret: Value = serde_json::from_str(&rds_secret("127.0.0.1", 5432, ROLE, PASSWORD)).unwrap();
    secret[key] = value;
    aws.tells(&secret.to_string());
    doctor(&on_app_runner(&aws.url())).await
}

pub async fn the_host_is_none() -> Option<Run> {
    let mut last = None;
    for host in ["db.internal:5432", "postgres://db.internal", "db internal", "db.internal\n", "a@db.internal"] {
        let env = [("DB_HOST", host), ("DB_USER", "app"), ("DB_PASS", PASSWORD)];
        let run = doctor(&env).await;
        run.assert_only(DATABASE, "configuration", "host-malformed");
        let run = with_secret("host", json!(host)).await;
        run.assert_failed(SECRETS_MANAGER, "read", "host-malformed");
        run.assert_failed(DATABASE, "secret", "host-malformed");
        assert!(!run.report.to_string().contains("a@db"), "{:#}", run.report);
        last = Some(run);
    }
    last
}

pub async fn the_password_has_a_line_break() -> Option<Run> {
    let run = with_secret("password", json!(format!("{PASSWORD}\n"))).await;
    run.assert_failed(DATABASE, "secret", "password-line-break");
    let env = [("DB_HOST", "127.0.0.1"), ("DB_USER", "app"), ("DB_PASS", "hunter2-of-the-role\n")];
    let run = doctor(&env).await;
    run.assert_only(DATABASE, "configuration", "password-line-break");
    Some(run)
}

/// It may be meant, so the walk goes on.
pub async fn the_password_ends_with_a_blank() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.execute("ALTER ROLE app PASSWORD 'hunter2-with-a-blank '").await;
    let run = server.doctor(&[("DB_PASS", "hunter2-with-a-blank ")]).await;
    run.assert_warned(DATABASE, "configuration", "password-blank");
    Some(run)
}

pub async fn the_secrets_port_is_none() -> Option<Run> {
    let mut last = None;
    for port in [json!(0), json!("0"), json!(70_000), json!(-1), json!("none")] {
        let run = with_secret("port", port).await;
        run.assert_failed(SECRETS_MANAGER, "read", "secret-port");
        run.assert_failed(DATABASE, "secret", "secret-port");
        last = Some(run);
    }
    last
}

pub async fn the_secret_is_of_another_engine() -> Option<Run> {
    let mut last = None;
    for engine in ["mysql", "aurora-mysql", "sqlserver-ex", "mongo"] {
        let run = with_secret("engine", json!(engine)).await;
        run.assert_failed(SECRETS_MANAGER, "read", "secret-engine");
        run.assert_failed(DATABASE, "secret", "secret-engine");
        last = Some(run);
    }
    last
}

#[tokio::test]
async fn any_name_of_postgresql_is_accepted() {
    let server = Server::start().await;
    let aws = SecretsManager::start().await;
    for engine in ["postgres", "aurora-postgresql", "PostgreSQL 17", ""] {
        let mut secret: Value = serde_json::from_str(&server.secret(PASSWORD)).unwrap();
        secret["engine"] = json!(engine);
        aws.tells(&secret.to_string());
        let url = aws.url();
        let env = [&on_app_runner(&url)[..], &[("DB_SSLMODE", "disable")]].concat();
        doctor(&env).await.assert_healthy();
    }
}
