//! The command line and the environment.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use causeway_testing::command_line::CommandLine;
use causeway_testing::command_line_tests;
use causeway_testing::service::run;
use serde_json::Value;

use crate::aws::SECRET;
use crate::helpers::{BINARY, NO_DATABASE, spawn_without_database, with_url};

pub const MISTAKES: [(&str, &str); 25] = [
    ("PORT", "http"),
    ("BIND_ADDRESS", "everywhere"),
    ("WORKERS", "0"),
    ("SHUTDOWN_DELAY_MS", "soon"),
    ("RUST_LOG", "info=debug=trace"),
    ("LOG_FORMAT", "xml"),
    ("METRICS", "statsd"),
    ("TABLE_NAME", "access; DROP TABLE access"),
    ("DATABASE_URL", "mysql://user:hunter2@host/name"),
    ("DB_SSLMODE", "verify-ca"),
    ("DB_SSLROOTCERT", "/nowhere/roots.pem"),
    ("DB_PORT", "0"),
    ("DB_POOL_SIZE", "1"),
    ("DB_CONNECT_TIMEOUT_MS", "0"),
    ("DB_QUERY_TIMEOUT_MS", "600001"),
    ("DB_IDLE_TIMEOUT_MS", "1.5"),
    ("DB_MAX_LIFETIME_MS", "-1"),
    ("QUEUE_CAPACITY", "0"),
    ("REQUEST_TIMEOUT_MS", "5s"),
    ("ECSPRIVATESERVICE", "privateservice:8080"),
    ("PRIVATE_SERVICE_TIMEOUT_MS", "0"),
    ("PRIVATE_SERVICE_CONCURRENCY", "0"),
    ("DOCTOR_TARGETS", "somewhere"),
    ("ADMIN_TOKEN", "too short"),
    ("FORWARDED_HOPS", "6"),
];
/// What else there is.
const OTHERS: [&str; 8] =
    ["DB_HOST", "DB_NAME", "DB_USER", "DB_PASS", "DBSECRETSNAME", "APPRUNNERSERVICE", "TARGET", "TARGETPORT"];

pub const FRONTEND_API: CommandLine = CommandLine {
    binary: BINARY,
    name: "frontend-api",
    version: env!("CARGO_PKG_VERSION"),
    mistakes: &MISTAKES,
    others: &OTHERS,
    accepted: &[("DATABASE_URL", NO_DATABASE)],
};

command_line_tests!(FRONTEND_API);

/// The report of `config --check`, and its exit code.
pub async fn check(env: &[(&str, &str)]) -> (Option<i32>, Value) {
    FRONTEND_API.check(env).await
}

/// The variables that the configuration of `env` is refused for.
pub async fn refused(env: &[(&str, &str)]) -> Vec<String> {
    let (code, report) = check(env).await;
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(code, Some(if errors.is_empty() { 0 } else { 64 }), "{report}");
    errors.iter().map(|error| error["variable"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn one_mistake_is_reported_as_one() {
    for (variable, value) in MISTAKES.into_iter().filter(|(variable, _)| *variable != "DATABASE_URL") {
        assert_eq!(refused(&with_url(NO_DATABASE, &[(variable, value)])).await, [variable]);
    }
    for url in ["mysql://user@host/name", "postgres://user@host/name?sslrootcert=/nowhere/roots.pem"] {
        assert_eq!(refused(&[("DATABASE_URL", url)]).await, ["DATABASE_URL"]);
    }
}

/// Where the values of the database come from, in each of the ways to name it. No password is shown.
#[tokio::test]
async fn the_printed_configuration_says_which_variable_each_value_of_the_database_is_from() {
    let json = r#"{"username": "app", "password": "hunter2", "host": "db.internal"}"#;
    let shown = async |env: &[(&str, &str)]| {
        let (code, list, stderr) = FRONTEND_API.run(&["config", "--print"], env).await;
        assert_eq!(code, Some(0), "{stderr}");
        assert!(!list.contains("hunter2"), "{list}");
        let rows = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        let rows = rows.skip_while(|row| !row.starts_with("DBSECRETSNAME"));
        rows.filter(|row| row.starts_with("DB_") || row.starts_with("DBSECRETSNAME")).take(8).collect::<Vec<_>>()
    };
    let of_url =
        shown(&[("DATABASE_URL", "postgres://app:hunter2@db.internal/shop?sslmode=require"), ("DB_PORT", "6000")]);
    assert_eq!(
        of_url.await,
        [
            "DBSECRETSNAME none default",
            "DB_SECRET_INTERVAL_MS 30000 default",
            "DB_HOST db.internal DATABASE_URL",
            "DB_PORT 6000 environment",
            "DB_NAME shop DATABASE_URL",
            "DB_USER app DATABASE_URL",
            "DB_PASS (hidden) DATABASE_URL",
            "DB_SSLMODE require DATABASE_URL",
        ]
    );
    let plain = shown(&[("DB_HOST", "db.internal"), ("DB_USER", "app"), ("DB_PASS", "hunter2")]).await;
    assert_eq!(plain[2..4], ["DB_HOST db.internal environment", "DB_PORT 5432 default"]);
    assert_eq!(plain[5..], ["DB_USER app environment", "DB_PASS (hidden) environment", "DB_SSLMODE prefer default"]);
    let of_secret = shown(&[("DBSECRETSNAME", SECRET), ("DB_NAME", "shop")]).await;
    let read = "(read at the first connection) secret";
    assert_eq!(of_secret[0], format!("DBSECRETSNAME {SECRET} environment"));
    assert_eq!(of_secret[2..5], [&format!("DB_HOST {read}"), &format!("DB_PORT {read}"), "DB_NAME shop environment"]);
    assert_eq!(of_secret[6..], [&format!("DB_PASS {read}"), "DB_SSLMODE verify-full default"]);
    let of_value = shown(&[("DBSECRETSNAME", json)]).await;
    assert_eq!(of_value[0], "DBSECRETSNAME (hidden) environment");
    assert_eq!(of_value[2], "DB_HOST db.internal DBSECRETSNAME");
    assert_eq!(of_value[5..7], ["DB_USER app DBSECRETSNAME", "DB_PASS (hidden) DBSECRETSNAME"]);
}

#[tokio::test]
async fn an_endpoint_of_aws_that_is_set_to_nothing_is_refused_before_the_sdk_meets_it() {
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"] {
        assert_eq!(refused(&with_url(NO_DATABASE, &[(variable, "")])).await, [variable]);
    }
}

#[tokio::test]
async fn an_empty_variable_counts_as_not_set() {
    let empty: Vec<_> = MISTAKES.iter().map(|&(variable, _)| variable).chain(OTHERS).map(|name| (name, "")).collect();
    let env = [&empty[..], &[("DATABASE_URL", NO_DATABASE)]].concat();
    assert_eq!(refused(&env).await, [""; 0]);
}

#[tokio::test]
async fn a_value_that_is_not_utf_8_is_named_and_not_shown() {
    let value = OsString::from_vec(b"postgres://u:hunter2\xff@h/n".to_vec());
    let output = run(BINARY, &[], [("DATABASE_URL", value)]).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr.contains("\n  DATABASE_URL: is not valid UTF-8"), "{stderr}");
    assert!(stderr.contains("1 mistake") && !stderr.contains("hunter2"), "{stderr}");
}

#[tokio::test]
async fn a_service_without_any_configuration_says_what_it_needs() {
    let (code, _, stderr) = FRONTEND_API.run(&[], &[]).await;
    assert_eq!(code, Some(64));
    for variable in ["DB_HOST", "DB_USER", "DB_PASS", "DATABASE_URL", "DBSECRETSNAME"] {
        assert!(stderr.contains(variable), "{variable}: {stderr}");
    }
}

#[tokio::test]
async fn app_runner_needs_the_name_of_the_secret() {
    assert_eq!(refused(&[("APPRUNNERSERVICE", "demo")]).await, ["DBSECRETSNAME"]);
    assert_eq!(refused(&[("APPRUNNERSERVICE", "demo"), ("DBSECRETSNAME", SECRET)]).await, [""; 0]);
    assert_eq!(refused(&[("DBSECRETSNAME", SECRET)]).await, [""; 0]);
}

#[tokio::test]
async fn it_listens_where_it_is_told_to() {
    let app = spawn_without_database(&[("BIND_ADDRESS", "127.0.0.2")]).await;
    assert_eq!(app.service.address().ip().to_string(), "127.0.0.2");
    assert!(app.health().await.status().is_success());
    let other = std::net::SocketAddr::new("127.0.0.1".parse().unwrap(), app.service.address().port());
    assert!(tokio::net::TcpStream::connect(other).await.is_err());
}
