//! A service that does not use a database that can be used.

use crate::app::App;
use crate::helpers::{DATABASE, Run};
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

/// No log-in ends within a millisecond.
pub async fn the_service_gives_up_before_it_is_connected() -> Option<Run> {
    let server = Server::start_for_service().await;
    let run = report_of(&server, &[("DB_CONNECT_TIMEOUT_MS", "1")]).await;
    run.assert_only(DATABASE, READY, "service-not-ready");
    Some(run)
}
