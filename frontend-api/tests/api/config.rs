//! The command line and the environment.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::Output;

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

pub async fn frontend_api(arguments: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = run(BINARY, arguments, env.iter().copied()).await;
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// The report of `config --check`, and its exit code.
pub async fn check(env: &[(&str, &str)]) -> (Option<i32>, Value) {
    let (code, stdout, _) = frontend_api(&["config", "--check"], env).await;
    (code, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}")))
}

/// The variables that the configuration of `env` is refused for.
pub async fn refused(env: &[(&str, &str)]) -> Vec<String> {
    let (code, report) = check(env).await;
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(code, Some(if errors.is_empty() { 0 } else { 64 }), "{report}");
    errors.iter().map(|error| error["variable"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn all_mistakes_are_reported_at_once_before_a_port_opens() {
    let (code, stdout, stderr) = frontend_api(&[], &MISTAKES).await;
    assert_eq!(code, Some(64), "{stderr}");
    for (variable, _) in MISTAKES {
        assert!(stderr.contains(&format!("\n  {variable}: ")), "{variable} is not named in: {stderr}");
    }
    assert_eq!(stdout, "", "nothing is logged, least of all `listening`");
    assert!(!stderr.contains("hunter2"), "{stderr}");
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

#[tokio::test]
async fn an_endpoint_of_aws_that_is_set_to_nothing_is_refused_before_the_sdk_meets_it() {
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"] {
        assert_eq!(refused(&with_url(NO_DATABASE, &[(variable, "")])).await, [variable]);
    }
}

#[tokio::test]
async fn config_check_accepts_what_is_right_and_lists_every_variable() {
    let (code, report) = check(&with_url(NO_DATABASE, &[])).await;
    assert_eq!(code, Some(0));
    assert_eq!(report["valid"], true);
    assert_eq!(report["errors"].as_array().unwrap().len(), 0);
    let listed = report["variables"].as_array().unwrap();
    for variable in MISTAKES.iter().map(|(variable, _)| variable).chain(&OTHERS) {
        assert!(listed.iter().any(|name| name == variable), "{variable} is not in {listed:?}");
    }
}

#[tokio::test]
async fn config_check_reports_what_is_wrong() {
    let (code, report) = check(&MISTAKES).await;
    assert_eq!(code, Some(64));
    assert_eq!(report["valid"], false);
    let errors = report["errors"].as_array().unwrap();
    for (variable, _) in MISTAKES {
        let error = errors.iter().find(|error| error["variable"] == variable);
        let problem = error.and_then(|error| error["problem"].as_str());
        assert!(problem.is_some_and(|text| text.len() > 10), "{variable}: {report}");
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
    let (code, _, stderr) = frontend_api(&[], &[]).await;
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
async fn an_unknown_command_shows_the_usage() {
    for arguments in [&["serve"][..], &["config"], &["config", "--fix"], &["health", "now"]] {
        let (code, _, stderr) = frontend_api(arguments, &with_url(NO_DATABASE, &[])).await;
        assert_eq!(code, Some(64));
        assert!(stderr.contains("Usage: frontend-api"), "{stderr}");
    }
}

#[tokio::test]
async fn help_and_version_are_printed_without_any_configuration() {
    let (code, help, stderr) = frontend_api(&["--help"], &[]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for command in ["health", "config", "help"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
    }
    let version = concat!("frontend-api ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(frontend_api(&["--version"], &[]).await, (Some(0), version.to_owned(), String::new()));
}

#[tokio::test]
async fn the_documents_tables_are_those_of_help_variables() {
    let (code, tables, _) = frontend_api(&["help", "variables", "--markdown"], &[]).await;
    assert_eq!(code, Some(0));
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    assert!(std::fs::read_to_string(document).unwrap().contains(&tables), "run `make documents`");
}

#[tokio::test]
async fn help_variables_names_each_variable_and_shows_no_value() {
    let env: Vec<_> = MISTAKES.iter().map(|&(variable, _)| (variable, "hunter2")).collect();
    let (code, list, stderr) = frontend_api(&["help", "variables"], &env).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for (variable, _) in MISTAKES {
        assert!(list.contains(&format!("\n  {variable}\n")), "{variable}: {list}");
    }
    assert!(!list.contains("hunter2"), "{list}");
}

#[tokio::test]
async fn the_health_command_asks_the_server_on_this_machine() {
    let mut app = spawn_without_database(&[]).await;
    let port = app.service.address().port().to_string();
    let env = with_url(NO_DATABASE, &[("PORT", &port)]);
    assert_eq!(frontend_api(&["health"], &env).await.0, Some(0));
    app.service.kill().await;
    let (code, _, stderr) = frontend_api(&["health"], &env).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("/health: "), "{stderr}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let app = spawn_without_database(&[]).await;
    let address = app.service.address().to_string();
    let port = app.service.address().port().to_string();
    let (code, stdout, stderr) = frontend_api(&[], &with_url(NO_DATABASE, &[("PORT", &port)])).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains(&format!("can't listen on {address}")) && stderr.contains("in use"), "{stderr}");
    assert!(!stdout.contains("listening"), "{stdout}");
}

#[tokio::test]
async fn it_listens_where_it_is_told_to() {
    let app = spawn_without_database(&[("BIND_ADDRESS", "127.0.0.2")]).await;
    assert_eq!(app.service.address().ip().to_string(), "127.0.0.2");
    assert!(app.health().await.status().is_success());
    let other = std::net::SocketAddr::new("127.0.0.1".parse().unwrap(), app.service.address().port());
    assert!(tokio::net::TcpStream::connect(other).await.is_err());
}
