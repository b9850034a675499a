//! The report in the log: at start, and when readiness changes. And nothing secret in any log.

use causeway_testing::aws::{SecretsManager, on_app_runner};
use causeway_testing::proxy::TcpProxy;
use reqwest::StatusCode;
use serde_json::Value;

use crate::app::App;
use crate::helpers::{DATABASE, assert_tells_no_secret, eventually};
use crate::server::Server;

fn env_through<'a>(proxy_port: &'a str, server: &'a Server) -> Vec<(&'a str, &'a str)> {
    server.env(&[("DB_PORT", proxy_port)])
}

fn assert_tells(line: &Value, level: &str, message: &str) {
    assert_eq!(line["level"], level, "{line}");
    assert!(line["message"].as_str().unwrap().starts_with(message), "{line}");
}

/// Changes follow each other at once: no report may be of the time before its change.
#[tokio::test]
async fn the_log_names_the_failing_stage_at_start_and_tells_of_each_change() {
    let server = Server::start_for_service().await;
    let proxy = TcpProxy::start(format!("127.0.0.1:{}", server.postgres.port())).await;
    proxy.refuse().await;
    let port = proxy.address().port().to_string();
    let app = App::spawn(&env_through(&port, &server)).await;
    let first = app.report_logged(0).await;
    assert_tells(&first, "ERROR", "doctor: database failed at tcp: The host was reached, but nothing listens");
    assert_eq!(
        (&first["check"], &first["stage"], &first["code"]),
        (&DATABASE.into(), &"tcp".into(), &"refused".into())
    );

    proxy.heal().await;
    assert_tells(&app.report_logged(1).await, "INFO", "doctor: All checks passed: database.");
    assert_eq!(app.get("/", &[]).await.status(), StatusCode::OK);

    proxy.refuse().await;
    eventually("not ready", async || {
        app.get("/", &[]).await;
        (app.get("/ready", &[]).await.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    assert_tells(&app.report_logged(2).await, "ERROR", "doctor: database failed at tcp");
}

#[tokio::test]
async fn a_secret_that_was_rotated_since_the_start_is_no_fault() {
    let server = Server::start_for_service().await;
    let (app, aws) = server.app_with_secret().await;
    assert_eq!(app.test_connection(&[]).await.status(), StatusCode::OK);

    server.postgres.execute("ALTER ROLE app PASSWORD 'hunter2-the-second'").await;
    aws.tells(&server.secret("hunter2-the-second"));
    let before = app.report().await["Time"].clone();
    let report = eventually("another run", async || {
        let report = app.report().await;
        (report["Time"] != before).then_some(report)
    })
    .await;
    assert_eq!(report["Verdict"]["outcome"], "ok", "{report:#}");

    // Rotated in the database alone: that is a fault, and which one.
    server.postgres.execute("ALTER ROLE app PASSWORD 'hunter2-the-third'").await;
    let code =
        eventually("the fault", async || app.report().await["Verdict"]["code"].as_str().map(str::to_owned)).await;
    assert_eq!(code, "secret-and-database-differ");
}

#[tokio::test]
async fn no_secret_is_in_the_log_however_talkative_it_is() {
    let server = Server::start_for_service().await;
    let aws = SecretsManager::start().await;
    aws.tells(&server.secret("hunter2-not-the-password"));
    let (url, token) = (aws.url(), "an-admin-token-of-a-test-of-ours");
    let more = [("DB_SSLMODE", "disable"), ("RUST_LOG", "trace"), ("ADMIN_TOKEN", token), ("DOCTOR_TARGETS", &url)];
    let env = [&on_app_runner(&url)[..], &more].concat();
    let mut app = App::spawn(&env).await;
    let headers = [("authorization", format!("Bearer {token}"))];
    let response = app.test_connection(&[(headers[0].0, &headers[0].1)]).await;
    let mut outputs = vec![response.text().await.unwrap()];
    outputs.push(app.test_connection(&[("authorization", "Bearer another-token")]).await.text().await.unwrap());
    app.report_logged(0).await;
    aws.tells("\"hunter2-not-the-password");
    app.service.stop().await;
    outputs.extend(app.service.logs().iter().map(Value::to_string));
    assert!(outputs.iter().any(|line| line.contains("TRACE")), "the log is at its most talkative");
    for output in outputs {
        assert_tells_no_secret(&output, &env);
        assert!(!output.contains("hunter2-not"), "{output}");
    }
}
