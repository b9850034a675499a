//! The command line and the environment.

use std::process::Output;

use causeway_testing::service::run;
use serde_json::Value;

use crate::helpers::{BINARY, spawn_app};

const MISTAKES: [(&str, &str); 11] = [
    ("PORT", "http"),
    ("BIND_ADDRESS", "everywhere"),
    ("WORKERS", "0"),
    ("LOG_FORMAT", "xml"),
    ("METRICS", "statsd"),
    ("ADMIN_TOKEN", "too short"),
    ("ECS_CONTAINER_METADATA_URI_V4", "169.254.170.2/v4/1"),
    ("METADATA_TIMEOUT_MS", "0"),
    ("METADATA_REFRESH_MS", "-1"),
    ("CATALOGUE", "films"),
    ("CATALOGUE_FILE", "/nowhere.json"),
];

async fn private_service(arguments: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = run(BINARY, arguments, env.iter().copied()).await;
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn all_mistakes_are_reported_at_once_before_a_port_opens() {
    let (code, stdout, stderr) = private_service(&[], &MISTAKES).await;
    assert_eq!(code, Some(64));
    for (variable, _) in MISTAKES {
        assert!(stderr.contains(&format!("\n  {variable}: ")), "{variable} is not named in: {stderr}");
    }
    assert_eq!(stdout, "", "nothing is logged, least of all `listening`");
}

#[tokio::test]
async fn config_check_accepts_what_is_right_and_lists_every_variable() {
    let (code, stdout, _) = private_service(&["config", "--check"], &[]).await;
    assert_eq!(code, Some(0));
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["valid"], true);
    let listed = report["variables"].as_array().unwrap();
    for (variable, _) in MISTAKES.into_iter().chain([("RUST_LOG", ""), ("SHUTDOWN_DELAY_MS", "")]) {
        assert!(listed.iter().any(|name| name == variable), "{variable} is not in {listed:?}");
    }
}

#[tokio::test]
async fn config_check_reports_what_is_wrong() {
    let (code, stdout, _) = private_service(&["config", "--check"], &MISTAKES).await;
    assert_eq!(code, Some(64));
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["valid"], false);
    assert_eq!(report["errors"].as_array().unwrap().len(), MISTAKES.len());
}

#[tokio::test]
async fn an_unknown_command_shows_the_usage() {
    for arguments in [&["serve"][..], &["config"], &["health", "now"]] {
        let (code, _, stderr) = private_service(arguments, &[]).await;
        assert_eq!(code, Some(64));
        assert!(stderr.contains("Usage: private-service"), "{stderr}");
    }
}

#[tokio::test]
async fn help_and_version_are_printed_without_any_configuration() {
    let (code, help, stderr) = private_service(&["--help"], &[]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for command in ["health", "config", "help"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
    }
    let version = concat!("private-service ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(private_service(&["--version"], &[]).await, (Some(0), version.to_owned(), String::new()));
}

#[tokio::test]
async fn the_documents_tables_are_those_of_help_variables() {
    let (code, tables, _) = private_service(&["help", "variables", "--markdown"], &[]).await;
    assert_eq!(code, Some(0));
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    assert!(std::fs::read_to_string(document).unwrap().contains(&tables), "run `make documents`");
}

#[tokio::test]
async fn help_variables_names_each_variable_and_shows_no_value() {
    let env: Vec<_> = MISTAKES.iter().map(|&(variable, _)| (variable, "hunter2")).collect();
    let (code, list, stderr) = private_service(&["help", "variables"], &env).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for (variable, _) in MISTAKES {
        assert!(list.contains(&format!("\n  {variable}\n")), "{variable}: {list}");
    }
    assert!(!list.contains("hunter2"), "{list}");
}

#[tokio::test]
async fn the_health_command_asks_the_server_on_this_machine() {
    let mut app = spawn_app().await;
    let port = app.service.address().port().to_string();
    let env = [("PORT", port.as_str())];
    assert_eq!(private_service(&["health"], &env).await.0, Some(0));
    app.service.kill().await;
    let (code, _, stderr) = private_service(&["health"], &env).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("/health: "), "{stderr}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let app = spawn_app().await;
    let address = app.service.address().to_string();
    let port = app.service.address().port().to_string();
    let (code, stdout, stderr) = private_service(&[], &[("PORT", &port)]).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains(&format!("can't listen on {address}")) && stderr.contains("in use"), "{stderr}");
    assert!(!stdout.contains("listening"), "{stdout}");
}
