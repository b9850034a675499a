//! `frontend-api doctor` for people, and for what starts it.

use std::process::Stdio;

use causeway_testing::service;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::helpers::{BINARY, PATIENCE, healthy_database, text};

#[tokio::test]
async fn the_report_is_a_block_a_check_and_a_line_a_stage_without_colour_in_a_pipe() {
    let database = healthy_database().await;
    let env = [("DATABASE_URL", database.url()), ("ECSPRIVATESERVICE", "http://127.0.0.1:1")];
    let output = service::run(BINARY, &["doctor"], env).await;
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    assert!(!report.contains('\x1b'), "{report}");
    let lines: Vec<_> = report.lines().collect();
    assert!(lines[0].starts_with("✓ database  127.0.0.1:"), "{report}");
    // Marks, names and times stand in columns.
    assert!(lines[1].starts_with("  ✓ configuration  ") && lines[7].starts_with("  ✓ writable       "), "{report}");
    let columns: Vec<_> = lines[1..=7].iter().map(|line| line.find(" ms")).collect();
    assert!(columns.iter().all(|&column| column == columns[0]), "{report}");
    let failed = lines.iter().position(|line| line.starts_with("  ✕ tcp  ")).unwrap();
    assert!(lines[failed].ends_with("127.0.0.1:1: Connection refused (os error 111)"), "{report}");
    assert!(lines[failed + 1].trim().starts_with("cause: The host was reached"), "{report}");
    assert!(lines[failed + 2].trim().starts_with("remedy: Check the port"), "{report}");
    assert_eq!(lines[failed + 3].trim(), "– http");
    assert!(lines.last().unwrap().starts_with("private service failed at tcp: "), "{report}");
}

#[tokio::test]
async fn all_well_is_exit_code_0_and_bad_configuration_or_usage_64() {
    let database = healthy_database().await;
    let url = [("DATABASE_URL", database.url())];
    assert_eq!(service::run(BINARY, &["doctor"], url).await.status.code(), Some(0));
    assert_eq!(service::run(BINARY, &["doctor", "--loud"], url).await.status.code(), Some(64));
    let mistakes = [
        ("DATABASE_URL", "no-url", "DATABASE_URL"),
        ("TARGET", "somewhere", "TARGETPORT"),
        ("DOCTOR_TARGETS", "http://user:hunter2@host/", "DOCTOR_TARGETS"),
        ("DOCTOR_TARGETS", "ftp://host", "DOCTOR_TARGETS"),
        ("DOCTOR_TARGETS", "host", "DOCTOR_TARGETS"),
        ("DOCTOR_TARGETS", "host:hunter2", "DOCTOR_TARGETS"),
        ("ADMIN_TOKEN", "hunter2", "ADMIN_TOKEN"),
    ];
    for (name, value, named) in mistakes {
        let output = service::run(BINARY, &["doctor"], [url[0], (name, value)]).await;
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{name}={value}: {told}");
        assert!(told.contains(&format!("\n  {named}: ")) && !told.contains("hunter2"), "{told}");
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn watching_prints_one_report_after_another() {
    let database = healthy_database().await;
    let mut command = Command::new(BINARY);
    command.args(["doctor", "--json", "--watch"]).env_clear().env("DATABASE_URL", database.url());
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut times = Vec::new();
    for _ in 0..2 {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let report: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(report["Verdict"]["outcome"], "ok");
        times.push(report["Time"].to_string());
    }
    assert_ne!(times[0], times[1]);
}

/// `script` gives it one; Debian always has it.
#[tokio::test]
async fn at_a_terminal_the_report_is_coloured() {
    let script = "/usr/bin/script";
    if !std::path::Path::new(script).is_file() {
        return;
    }
    let database = healthy_database().await;
    let command = format!("{BINARY} doctor");
    let env = [("DATABASE_URL", database.url()), ("SHELL", "/bin/sh"), ("PATH", "/usr/bin:/bin")];
    let output = service::run(script, &["-qec", &command, "/dev/null"], env).await;
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("\x1b[32m✓\x1b[0m \x1b[1mdatabase\x1b[0m"), "{}", text(&output.stdout));
}
