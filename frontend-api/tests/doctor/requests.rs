//! What requests meet against what the doctor sees: a difference is a finding of its own.

use reqwest::StatusCode;

use crate::app::App;
use crate::helpers::{DATABASE, Run, eventually};
use crate::server::Server;

/// The trigger refuses every visit but the doctor's.
pub async fn requests_fail_and_the_doctors_own_visit_does_not() -> Option<Run> {
    let server = Server::start_for_service().await;
    let trigger = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                   IF NEW.user_agent = 'causeway-doctor' THEN RETURN NEW; END IF; RAISE 'no visits'; END $$; \
                   CREATE TRIGGER refuse BEFORE INSERT ON access FOR EACH ROW EXECUTE FUNCTION refuse()";
    server.postgres.execute(trigger).await;
    let app = App::ready(&server.env(&[])).await;
    for _ in 0..3 {
        assert_ne!(app.get("/", &[]).await.status(), StatusCode::OK);
    }
    // The first report may be the one of the start, which is kept for 2 s.
    let report = eventually("the finding", async || {
        let report = app.report().await;
        (report["Verdict"]["code"] == "requests-fail").then_some(report)
    });
    let run = Run::of_service(report.await);
    run.assert_only(DATABASE, "requests", "requests-fail");
    assert_eq!(run.evidence(DATABASE, "requests"), "the last 3 requests for visits failed");
    // One that is served is enough to end it, and the list is one. The reason matters: after ten seconds it is over anyway.
    eventually("all well", async || {
        assert_eq!(app.get("/recent-visits", &[]).await.status(), StatusCode::OK);
        let well = Run::of_service(app.report().await);
        let is_served = well.evidence(DATABASE, "requests") == "requests for visits are served";
        (is_served && well.report["Verdict"]["outcome"] == "ok").then_some(())
    })
    .await;
    Some(run)
}

/// The service has its connections, and the role may open no more.
pub async fn requests_are_served_and_new_connections_fail() -> Option<Run> {
    let server = Server::start_for_service().await;
    let app = App::ready(&server.env(&[])).await;
    assert_eq!(app.get("/", &[]).await.status(), StatusCode::OK);
    server.postgres.execute("ALTER ROLE app CONNECTION LIMIT 0").await;
    let report = eventually("the finding", async || {
        assert_eq!(app.get("/", &[]).await.status(), StatusCode::OK);
        let report = app.report().await;
        (report["Verdict"]["code"] == "connection-limit").then_some(report)
    });
    let run = Run::of_service(report.await);
    let stage = run.stage(DATABASE, "requests");
    assert_eq!(
        (&stage["outcome"], &stage["code"]),
        (&"warning".into(), &"requests-succeed".into()),
        "{:#}",
        run.report
    );
    Some(run)
}

#[tokio::test]
async fn a_report_that_fails_says_since_when_and_what_has_changed() {
    let server = Server::start_for_service().await;
    let app = App::ready(&server.env(&[])).await;
    let good = eventually("a good report", async || {
        let report = app.report().await;
        (report["Verdict"]["outcome"] == "ok").then_some(report)
    })
    .await;
    assert_eq!(good["Since"], serde_json::Value::Null);
    server.postgres.execute("ALTER ROLE app CONNECTION LIMIT 0").await;
    let bad = eventually("a failing report", async || {
        let report = app.report().await;
        (report["Verdict"]["outcome"] == "failed").then_some(report)
    })
    .await;
    let since = &bad["Since"];
    assert_eq!(since["FailingSince"], bad["Time"], "{since:#}");
    assert!(since["LastGood"].as_str() >= good["Time"].as_str(), "{since:#}");
    let changes = since["Changes"].as_array().unwrap();
    let told =
        "database authentication: ok → failed (connection-limit); was \"logged in as app\", is \"SQLSTATE 53300: ";
    assert!(changes.iter().any(|change| change.as_str().unwrap().starts_with(told)), "{since:#}");
    // A stranger learns since when, and nothing of what.
    let hidden: serde_json::Value =
        app.test_connection(&[("x-forwarded-for", "192.0.2.1")]).await.json().await.unwrap();
    assert_eq!((&hidden["Redacted"], &hidden["Since"]["Changes"]), (&true.into(), &serde_json::json!([])));
}

#[tokio::test]
async fn what_has_changed_names_the_versions_of_the_secret() {
    let server = Server::start_for_service().await;
    let (app, aws) = server.app_with_secret().await;
    let outcome = async |wanted: &str| {
        eventually(wanted, async || Some(app.report().await).filter(|found| found["Verdict"]["outcome"] == wanted))
            .await
    };
    outcome("ok").await;
    // A rotation that stored a password and did not set it.
    aws.tells(&server.secret("of-a-rotation-that-failed"));
    server.postgres.execute("ALTER ROLE app PASSWORD 'another-one'").await;
    let changes = outcome("failed").await["Since"]["Changes"].to_string();
    let (before, now) =
        ("version 00000000-0000-4000-8000-000000000001", "version 00000000-0000-4000-8000-000000000002");
    for stage in ["secrets manager read: was", "database secret: was"] {
        assert!(changes.contains(stage), "{changes}");
    }
    assert!(changes.contains(before) && changes.contains(now), "{changes}");
}
