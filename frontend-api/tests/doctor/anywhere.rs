//! The program `doctor`, which knows nothing of Causeway: places are named on its command line.

use causeway_testing::aws::{ACCESS_KEY_ID, S3, SECRET_ACCESS_KEY, SecretsManager, on_app_runner, rds_secret};
use causeway_testing::postgres::OwnPostgres;
use causeway_testing::service;
use serde_json::Value;

use crate::helpers::{BINARY, PASSWORD, text};
use crate::world::{http_server, identity};
use wiremock::ResponseTemplate;

const DOCTOR: &str = env!("CARGO_BIN_EXE_doctor");

async fn run(arguments: &[&str], env: &[(&str, &str)]) -> (Option<i32>, Value) {
    let output = service::run(DOCTOR, &[&["--json"], arguments].concat(), env.iter().copied()).await;
    let told = text(&output.stdout);
    let report = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}{}", text(&output.stderr)));
    (output.status.code(), report)
}

fn outcomes(report: &Value) -> Vec<(String, String)> {
    let checks = report["Checks"].as_array().unwrap().iter();
    checks
        .map(|check| [&check["name"], &check["outcome"]].map(|text| text.as_str().unwrap().to_owned()).into())
        .collect()
}

/// A database of somebody else's, without any table of ours, a bucket that may only be read, an API and a port.
#[tokio::test]
async fn everything_of_somebody_elses_service_is_checked_without_its_configuration() {
    let postgres = OwnPostgres::start().await;
    postgres.execute(&format!("CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'")).await;
    let aws = SecretsManager::start().await;
    aws.tells(&rds_secret("127.0.0.1", postgres.port(), "app", PASSWORD));
    let s3 = S3::start().await;
    let api = http_server(ResponseTemplate::new(200).set_body_json(identity())).await;
    let (port, health) = (format!("127.0.0.1:{}", postgres.port()), format!("{}/health", api.uri()));
    let (secrets, bucket) = (aws.url(), s3.url());
    let arguments =
        ["--postgres-secret", causeway_testing::aws::SECRET, "--s3", "diaries", "--target", &port, "--target", &health];
    let mut env: Vec<(&str, &str)> = on_app_runner(&secrets).to_vec();
    env.retain(|(name, _)| {
        !["APPRUNNERSERVICE", "DBSECRETSNAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].contains(name)
    });
    env.extend([
        ("AWS_ENDPOINT_URL_S3", bucket.as_str()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("DB_SSLMODE", "disable"),
    ]);
    let (code, report) = run(&arguments, &env).await;
    assert_eq!(code, Some(0), "{report:#}");
    let names: Vec<_> = outcomes(&report).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["secrets manager", "database", "s3", &port, &health]);
    assert_eq!(report["Verdict"]["outcome"], "ok", "{report:#}");
    // Nothing was created.
    let tables =
        postgres.client().await.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'", &[]).await.unwrap();
    assert!(tables.is_empty());
}

#[tokio::test]
async fn a_failed_hop_is_exit_code_1_and_named() {
    let (code, report) = run(&["--target", "127.0.0.1:1"], &[]).await;
    assert_eq!((code, &report["Verdict"]["code"]), (Some(1), &"refused".into()));
    let url = format!("postgres://nobody:{PASSWORD}@127.0.0.1:1/none");
    let (code, report) = run(&["--postgres"], &[("DATABASE_URL", &url)]).await;
    assert_eq!(
        (code, &report["Verdict"]["code"], &report["Verdict"]["check"]),
        (Some(1), &"refused".into(), &"database".into())
    );
    assert!(!report.to_string().contains(PASSWORD));
}

#[tokio::test]
async fn help_and_version_are_success_on_standard_output_and_wrong_usage_is_64() {
    for (argument, expected) in [("--help", "--postgres-secret <ARN>"), ("--version", "doctor 0.")] {
        let output = service::run(DOCTOR, &[argument], [("", ""); 0]).await;
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains(expected), "{}", text(&output.stdout));
    }
    let none: [(&str, &str); 0] = [];
    for wrong in
        [&["--target", "nowhere"][..], &["--postgres"], &["--no-such-option"], &["--target", "a:1", "--only", "target"]]
    {
        let output = service::run(DOCTOR, wrong, none).await;
        assert_eq!(output.status.code(), Some(64), "{wrong:?}: {}", text(&output.stderr));
    }
}

/// Both programs are made of one library, and the linker leaves out what the doctor does not call.
#[tokio::test]
async fn the_program_has_no_server_in_it() {
    for symbol in ["9actix_web", "12actix_server"] {
        for (program, expected) in [(BINARY, Some(0)), (DOCTOR, Some(1))] {
            let found = service::run("/bin/grep", &["-q", "-a", "-F", symbol, program], [("", ""); 0]).await;
            assert_eq!(found.status.code(), expected, "{symbol} in {program}");
        }
    }
}
