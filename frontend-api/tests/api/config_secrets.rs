//! What is secret stays so: in the configuration's errors, in its report, and in the log at its most talkative.

use causeway_testing::postgres::OwnPostgres;
use serde_json::Value;

use crate::aws::{SecretsManager, on_app_runner, password_of, secret_of};
use crate::config::{FRONTEND_API, check, refused};
use crate::helpers::App;

const PASSWORD: &str = "hunter2";

async fn assert_refused_without_telling(variable: &str, value: &str) {
    let env = [(variable, value)];
    let (code, stdout, stderr) = FRONTEND_API.run(&[], &env).await;
    assert_eq!(code, Some(64), "{value} is accepted");
    assert!(stderr.contains(&format!("\n  {variable}: ")), "{stderr}");
    let (_, report) = check(&env).await;
    for output in [stdout, stderr, report.to_string()] {
        assert!(!output.contains(PASSWORD), "{value}: {output}");
    }
}

#[tokio::test]
async fn a_wrong_database_url_is_refused_without_its_password() {
    let wrong = [
        "hunter2",
        "mysql://user:hunter2@host/name",
        "postgres://user:hunter2@host:port/name",
        "postgres://user:hunter2@host:99999/name",
        "postgres://user:hunter2/half@host/name",
        "postgres://user:hunter2#half@host/name",
        "postgres://user:hunter2?half@host/name",
        "postgres://:hunter2@host/name",
        "postgres:///name?password=hunter2",
        "postgres://user@host/name?password=hunter2",
        "postgres://user:hunter2%FF@host/name",
        "postgres://user:hunter2@host/name?sslmode=maybe",
        "postgres://user:hunter2@host/name?sslmode=verify-full&options=x",
        "postgres://user:hunter2@host/name?sslrootcert=/nowhere/roots.pem&sslmode=maybe",
        "postgres://user:half@half?sslmode=hunter2@host/name",
        "postgres://user:half@half?sslrootcert=hunter2@host/name",
    ];
    for value in wrong {
        assert_refused_without_telling("DATABASE_URL", value).await;
    }
}

#[tokio::test]
async fn a_database_url_may_have_everything_that_is_right() {
    let right = [
        "postgres://user@host",
        "postgresql://user:p%40ss%2Fword+1@host:6543/name",
        "postgres://user:pw@[::1]:5432/name?sslmode=disable",
        "postgres://user:pw@10.0.0.1/name?sslmode=require",
    ];
    for value in right {
        assert_eq!(refused(&[("DATABASE_URL", value)]).await, [""; 0], "{value}");
    }
}

#[tokio::test]
async fn a_wrong_secret_given_by_value_is_refused_without_telling_it() {
    let wrong = [
        r#"{"username":"u","password":"hunter2""#,
        r#"{"password":"hunter2","host":"h"}"#,
        r#"{"username":"hunter2","host":"h"}"#,
        r#"{"username":"u","password":"hunter2"}"#,
        r#"{"username":"u","password":["hunter2"],"host":"h"}"#,
        r#"{"username":"u","password":"hunter2","host":"h","port":"hunter2"}"#,
        r#"{"username":"u","password":"hunter2","host":"h","port":99999}"#,
        r#"{"username":"u","password":"x","host":"h","hunter2":hunter2}"#,
    ];
    for value in wrong {
        assert_refused_without_telling("DBSECRETSNAME", value).await;
    }
}

#[tokio::test]
async fn a_secret_given_by_value_needs_no_secrets_manager() {
    let server = OwnPostgres::start().await;
    let secret = secret_of(&server, "postgres", &password_of(&server));
    let app = App::spawn(&[("APPRUNNERSERVICE", "demo"), ("DBSECRETSNAME", &secret)]).await;
    app.until_ready().await;
    app.registered("curl").await;
}

/// Whether any line of the log holds `text`.
fn logged(lines: &[Value], text: &str) -> bool {
    lines.iter().any(|line| line.to_string().contains(text))
}

#[tokio::test]
async fn no_secret_is_logged_however_much_is() {
    let server = OwnPostgres::start().await;
    let password = password_of(&server);
    let aws = SecretsManager::start().await;
    aws.tells(&secret_of(&server, "postgres", "hunter2-wrong"));
    let url = aws.url();
    let env = [&on_app_runner(&url)[..], &[("RUST_LOG", "trace"), ("DB_SECRET_INTERVAL_MS", "100")]].concat();
    let mut app = App::spawn(&env).await;
    // A refusal, a second read of the secret, a login, a query.
    app.database_problem().await;
    aws.tells(&secret_of(&server, "postgres", &password));
    app.until_ready().await;
    app.registered("curl").await;
    app.service.stop().await;

    let lines = app.service.logs();
    assert!(logged(&lines, "TRACE"), "the log is at its most talkative");
    for secret in ["hunter2-wrong", &password, "key-of-aws-itself"] {
        assert!(!logged(&lines, secret), "the log tells {secret}");
    }
}
