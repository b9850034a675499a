//! A service that does not use a database that can be used.

use crate::app::App;
use crate::helpers::{DATABASE, Run, eventually};
use crate::server::Server;

const READY: &str = "ready";

async fn report_of(server: &Server, changes: &[(&str, &str)]) -> Run {
    let app = App::spawn(&server.env(changes)).await;
    app.report_logged(0).await;
    assert_eq!(app.get("/ready", &[]).await.status(), 503);
    Run::of_service(app.report().await)
}

/// The table is there and can be used, so that only the service knows what is wrong.
pub async fn the_service_may_not_make_its_tables() -> Option<Run> {
    let server = Server::start().await;
    let run = report_of(&server, &[]).await;
    run.assert_only(DATABASE, READY, "migration-failed");
    assert!(run.evidence(DATABASE, READY).contains("permission denied for schema public"), "{:#}", run.report);
    Some(run)
}

/// The one connection that single requests share waits for a lock under which tables can be read.
pub async fn the_services_pool_is_used_up() -> Option<Run> {
    const TOKEN: &str = "the-token-of-an-administrator-000";
    let server = Server::start_for_service().await;
    let changes = [("DB_POOL_SIZE", "5"), ("DB_QUERY_TIMEOUT_MS", "60000"), ("REQUEST_TIMEOUT_MS", "60000")];
    let app = App::ready(&server.env(&[&changes[..], &[("ADMIN_TOKEN", TOKEN)]].concat())).await;
    let mut other = server.postgres.client().await;
    let lock = other.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE users IN SHARE MODE").await.unwrap();
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("authorization", authorization.as_str())];
    let new = serde_json::json!({"email": "jane@example.com", "password": "correct horse battery"});
    let signed_up = app.client.post(format!("{}/users", app.service.base_url())).json(&new).send();
    let meanwhile = async {
        let report = eventually("the warning", async || {
            let report: serde_json::Value = app.test_connection(&headers).await.json().await.unwrap();
            (report["Verdict"]["code"] == "pool-used-up").then_some(report)
        });
        let run = Run::of_service(report.await);
        lock.rollback().await.unwrap();
        run
    };
    let (signed_up, run) = tokio::join!(signed_up, meanwhile);
    assert_eq!(signed_up.unwrap().status(), 201);
    run.assert_warned(DATABASE, READY, "pool-used-up");
    Some(run)
}

/// No log-in ends within a millisecond.
pub async fn the_service_gives_up_before_it_is_connected() -> Option<Run> {
    let server = Server::start_for_service().await;
    let run = report_of(&server, &[("DB_CONNECT_TIMEOUT_MS", "1")]).await;
    run.assert_only(DATABASE, READY, "service-not-ready");
    Some(run)
}
