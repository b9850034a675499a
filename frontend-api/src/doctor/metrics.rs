//! What the newest run found, for Prometheus.

use std::sync::LazyLock;

use causeway_common::telemetry::metrics::{self, Family, Gauge, Labels};

use super::report::{Outcome, Report};

static FAILED: LazyLock<Family<Labels, Gauge>> = LazyLock::new(|| {
    let help = "1 if the hop failed in the doctor's newest run, otherwise 0";
    metrics::register("doctor_stage_failed", help, Family::default())
});

/// Records a run. The configuration limits the labels: at most one dependency for each target.
pub(super) fn record(report: &Report) {
    for check in &report.checks {
        for stage in &check.stages {
            let labels = vec![("dependency", check.subject.to_string()), ("stage", stage.name.to_string())];
            FAILED.get_or_create_owned(&labels).set(i64::from(stage.outcome == Outcome::Failed));
        }
    }
}
