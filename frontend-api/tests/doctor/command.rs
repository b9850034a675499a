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
    let prove = "prove it: make explain ARGS=\"--from SERVICE_ARN --to http://127.0.0.1:1/\"";
    assert_eq!(lines[failed + 3].trim(), prove);
    assert_eq!(lines[failed + 4].trim(), "see: docs/connectivity.md#refused");
    assert_eq!(lines[failed + 5].trim(), "– http");
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

async fn run(arguments: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let output = service::run(BINARY, &[&["doctor"][..], arguments].concat(), env.iter().copied()).await;
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn names(report: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(report).unwrap();
    let checks = report["Checks"].as_array().unwrap().iter();
    checks.map(|check| check["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_target_on_the_command_line_needs_no_configuration() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap().to_string();
    let (code, report, _) = run(&["--json", "--target", &open], &[]).await;
    assert_eq!((code, names(&report)), (Some(0), vec![open.clone()]), "{report}");
    let (code, report, _) = run(&["--json", "--target", &open, "--target", "127.0.0.1:1"], &[]).await;
    assert_eq!((code, names(&report)), (Some(1), vec![open, "127.0.0.1:1".to_owned()]), "{report}");
    let (code, _, told) = run(&["--target", "http://user:hunter2@host/"], &[]).await;
    assert!(code == Some(64) && told.contains("neither host:port nor"), "{told}");
}

#[tokio::test]
async fn checks_can_be_chosen_by_name() {
    let database = healthy_database().await;
    let env = [("DATABASE_URL", database.url()), ("ECSPRIVATESERVICE", "http://127.0.0.1:1")];
    let (code, report, _) = run(&["--json", "--only", "database"], &env).await;
    assert_eq!((code, names(&report)), (Some(0), vec!["database".to_owned()]));
    let (code, report, _) = run(&["--json", "--skip", "database"], &env).await;
    assert_eq!((code, names(&report)), (Some(1), vec!["private service".to_owned()]));
    let (code, report, told) = run(&["--skip", "databse"], &env).await;
    assert_eq!((code, report.as_str()), (Some(64), ""));
    assert!(told.contains("\"databse\" is not checked here; there are: database, private-service"), "{told}");
}

#[tokio::test]
async fn with_json_also_a_mistake_in_the_configuration_is_json() {
    let (code, output, _) = run(&["--json"], &[("TARGET", "somewhere")]).await;
    let report: Value = serde_json::from_str(&output).unwrap();
    let named: Vec<_> =
        report["errors"].as_array().unwrap().iter().map(|error| error["variable"].to_string()).collect();
    assert_eq!(code, Some(64));
    assert!(named.contains(&"\"TARGETPORT\"".to_owned()), "{output}");
}

#[tokio::test]
async fn waiting_ends_with_the_first_report_without_a_fault() {
    let port = causeway_testing::ports::free().unwrap();
    let target = format!("127.0.0.1:{port}");
    let (code, ..) = run(&["--target", &target, "--wait", "1"], &[]).await;
    assert_eq!(code, Some(1));
    let arguments = ["--json", "--target", &target, "--wait", "60"];
    let opened = async {
        // Whether it opens before the first run or after, the command must end well.
        tokio::net::TcpListener::bind(&target).await.unwrap()
    };
    let ((code, report, _), _listener) = tokio::join!(run(&arguments, &[]), opened);
    assert_eq!((code, report.lines().count()), (Some(0), 1), "{report}");
}

#[tokio::test]
async fn a_reader_that_leaves_ends_the_command_quietly() {
    let script = format!(
        "{BINARY} doctor --watch --target 127.0.0.1:1 2>&1 >/dev/full | cat; {BINARY} doctor --watch --target 127.0.0.1:1 | head -n 1"
    );
    let output = timeout(PATIENCE, Command::new("/bin/sh").args(["-c", &script]).output()).await.unwrap().unwrap();
    assert!(text(&output.stdout).contains("the report can't be written"), "{output:?}");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{output:?}");
}
