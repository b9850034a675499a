//! The metrics of uploads and of the list's queue.

use causeway_common::telemetry::metrics;

use super::Diaries;

impl Diaries {
    /// Registers the metrics. Call it once.
    pub fn register_metrics(&self) {
        let uploads = self.shared.uploads.clone();
        metrics::counted_gauge("picture_uploads_in_flight", "Pictures that are being uploaded", move || {
            uploads.taken()
        });
        let length = self.lists.length();
        metrics::counted_gauge("diary_lists_queue_length", "Requests that wait for a list of diaries", length);
    }
}
