//! The metrics of uploads and of the list's queue.

use causeway_common::telemetry::metrics;

use super::Diaries;

impl Diaries {
    /// Registers the metrics. Call it once.
    pub fn register_metrics(&self) {
        let uploads = self.shared.uploads.clone();
        metrics::computed_gauge("picture_uploads_in_flight", "Pictures that are being uploaded", move || {
            f64::from(u32::try_from(uploads.taken()).unwrap_or(u32::MAX))
        });
        let length = self.lists.length();
        metrics::computed_gauge("diary_lists_queue_length", "Requests that wait for a list of diaries", length);
    }
}
