//! The metrics of the write and the read path.

use std::sync::LazyLock;

use causeway_common::telemetry::metrics::{self, Counter, Histogram};

use super::Visits;

pub(super) static BATCH_SIZE: LazyLock<Histogram> =
    LazyLock::new(|| metrics::sizes("visits_batch_size", "Visits that one INSERT stores"));
pub(super) static COMMIT: LazyLock<Histogram> =
    LazyLock::new(|| metrics::durations("visits_commit_duration_seconds", "Time of one INSERT with its commit"));
pub(super) static REMOVED: LazyLock<Counter> = LazyLock::new(|| {
    metrics::counter("visits_removed", "Visits that were removed because they were older than VISITS_RETENTION_DAYS")
});

impl Visits {
    /// Registers the metrics. Call it once.
    pub fn register_metrics(&self) {
        LazyLock::force(&BATCH_SIZE);
        LazyLock::force(&COMMIT);
        LazyLock::force(&REMOVED);
        metrics::counted_gauge("visits_queue_length", "Visits that wait to be stored", self.recorder.length());
        metrics::counted_gauge("reads_queue_length", "Requests that wait for the newest visits", self.reader.length());
    }
}
