//! `frontend-api doctor` for people, and for what starts it.

use std::process::Stdio;

use causeway_testing::service;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::helpers::{BINARY, PATIENCE, Run, healthy_database, text};
use crate::server::Server;

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
    let prove = "prove it: make explain ARGS=\"--to http://127.0.0.1:1\"";
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
        ("EXPLAIN_ARGS", "--to hunter2", "EXPLAIN_ARGS"),
        ("EXPLAIN_ARGS", "--from $(hunter2)", "EXPLAIN_ARGS"),
    ];
    for (name, value, named) in mistakes {
        let output = service::run(BINARY, &["doctor"], [url[0], (name, value)]).await;
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{name}={value}: {told}");
        assert!(told.contains(&format!("\n  {named}: ")) && !told.contains("hunter2"), "{told}");
        assert!(text(&output.stdout).contains("✕ configuration") && !text(&output.stdout).contains("hunter2"));
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
    for target in ["http://user:hunter2@host/", "postgres://user:hunter2@host:5432/name"] {
        let (code, _, told) = run(&["--target", target], &[]).await;
        assert!(code == Some(64) && told.contains("neither host:port nor") && told.contains("--postgres"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
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
    assert!(told.contains("\"databse\" is not one of the checks: database, private-service"), "{told}");
    let (code, report, _) = run(&["--json", "--skip", "databse"], &env).await;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((code, report["Error"].as_str().unwrap().contains("\"databse\"")), (Some(64), true), "{report}");
}

#[tokio::test]
async fn a_run_ends_after_the_time_that_it_is_given() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("https://{}/", listener.local_addr().unwrap());
    let (code, report, _) = run(&["--json", "--timeout", "1", "--target", &target], &[]).await;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((code, &report["Verdict"]["code"]), (Some(1), &"silent-after-connect".into()), "{report:#}");
    let evidence = report["Checks"][0]["stages"][2]["evidence"].as_str().unwrap();
    let limit = evidence.strip_prefix("no result within ").and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    assert!(limit.is_some_and(|milliseconds| milliseconds <= 1000), "{evidence}");
}

/// What the configuration names besides is checked all the same, and with `--json` all of it is one object.
pub async fn the_configuration_has_a_mistake() -> Option<Run> {
    let env = [("TARGET", "somewhere"), ("ECSPRIVATESERVICE", "http://127.0.0.1:1")];
    let (code, output, _) = run(&["--json"], &env).await;
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((code, names(&output)), (Some(64), vec!["configuration".to_owned(), "private service".to_owned()]));
    let evidence = report["Checks"][0]["stages"][0]["evidence"].as_str().unwrap();
    assert!(evidence.contains("TARGETPORT is required with TARGET") && evidence.contains("DB_HOST"), "{evidence}");
    assert_eq!(report["Verdict"]["code"], "configuration-wrong");
    assert_eq!(report["Checks"][1]["stages"][1]["code"], "refused");
    Some(Run::of_service(report))
}

pub async fn the_user_may_not_create_tables() -> Option<Run> {
    let server = Server::start().await;
    server.postgres.execute("DROP TABLE access").await;
    let (code, output, _) = run(&["--json", "--pre"], &server.env(&[])).await;
    let report = Run::of_service(serde_json::from_str(&output).unwrap());
    assert_eq!(code, Some(1));
    report.assert_failed("database", "query", "may-not-create");
    Some(report)
}

#[tokio::test]
async fn before_the_first_deployment_a_database_without_tables_is_well_if_the_user_may_make_them() {
    let server = Server::start_for_service().await;
    server.postgres.execute("DROP TABLE access").await;
    for arguments in [&["--json", "--pre"][..], &["--json"]] {
        let (code, output, _) = run(arguments, &server.env(&[])).await;
        assert_eq!(code, Some(0), "{output}");
    }
    // Once the history says that it was made, nobody makes it again.
    server.postgres.execute("CREATE TABLE access_migrations ()").await;
    let (code, output, _) = run(&["--json"], &server.env(&[])).await;
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((code, &report["Verdict"]["code"]), (Some(1), &"table-missing".into()), "{output}");
}

#[tokio::test]
async fn watching_at_a_terminal_prints_what_changed_and_when() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let mut command = Command::new(BINARY);
    command.args(["doctor", "--watch", "--target", &target]).env_clear().stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    while !next().await.starts_with("All checks passed: ") {}
    // A run that finds nothing new prints nothing.
    for _ in 0..2 {
        timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    }
    drop(listener);
    let changed = next().await;
    let (time, change) = changed.split_once("  ").unwrap();
    assert!(time.ends_with('Z') && time.len() == 20, "{changed}");
    assert!(change.starts_with(&format!("{target} tcp: ok → failed (refused); was \"connected to ")), "{changed}");
    assert!(next().await.contains(&format!("{target} failed at tcp: ")), "the verdict follows");
}

/// What a terminal of 70 columns gets, with these variables.
async fn at_a_terminal(env: &str) -> Option<String> {
    let script = "/usr/bin/script";
    if !std::path::Path::new(script).is_file() {
        return None;
    }
    let command = format!("stty cols 70; {env} {BINARY} doctor --target 127.0.0.1:1");
    let env = [("SHELL", "/bin/sh"), ("PATH", "/usr/bin:/bin")];
    let output = service::run(script, &["-qec", &command, "/dev/null"], env).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    Some(text(&output.stdout))
}

#[tokio::test]
async fn texts_wrap_at_the_terminals_width_and_colours_can_be_refused() {
    let Some(report) = at_a_terminal("").await else { return };
    assert!(report.contains("\x1b[31m"), "{report}");
    for refused in ["NO_COLOR=1", "TERM=dumb"] {
        let report = at_a_terminal(refused).await.unwrap();
        assert!(!report.contains('\x1b'), "{refused}: {report}");
        let lines: Vec<_> = report.lines().map(|line| line.trim_end_matches('\r')).collect();
        let too_long = lines.iter().find(|line| line.chars().count() > 70 && !line.contains("prove it: "));
        assert_eq!(too_long, None, "{report}");
        let cause = lines.iter().position(|line| line.contains("cause: ")).unwrap();
        assert!(lines[cause + 1].starts_with(&" ".repeat(31)), "the text goes on below its begin: {report}");
    }
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
