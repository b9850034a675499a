//! One report in the log at start, and one at each change of the database's availability.

use std::sync::Arc;
use std::time::Instant;

use super::report::{Outcome, Report};
use super::{Doctor, NoReport};
use crate::database::Database;

/// Never ends.
pub async fn run(doctor: Arc<Doctor>, database: Database) {
    // Before that the tables may not exist yet, which is not a fault.
    database.availability().until_known().await;
    loop {
        let change = Instant::now();
        let was_available = database.availability().check().is_ok();
        // An earlier report shows the state before the change.
        match doctor.report_since(change).await {
            Ok(report) => log(&report),
            Err(NoReport) => tracing::error!("doctor: {NoReport}"),
        }
        database.availability().until(!was_available).await;
    }
}

fn log(report: &Report) {
    let verdict = &report.verdict;
    let stage = verdict.stage.map(tracing::field::display);
    let check = verdict.check.as_ref().map(tracing::field::display);
    let code = verdict.diagnosis.code;
    if verdict.outcome == Outcome::Warning {
        tracing::warn!(check, stage, code, "doctor: {}", report.response);
        return;
    }
    if report.is_ok() {
        tracing::info!(checks = report.checks.len(), "doctor: {}", report.response);
        return;
    }
    tracing::error!(check, stage, code, "doctor: {}", report.response);
}
