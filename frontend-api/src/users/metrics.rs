//! The metrics of password hashing.

use std::sync::Arc;

use causeway_common::telemetry::metrics;

use super::Users;

impl Users {
    /// Registers the metrics. Call it once.
    pub fn register_metrics(&self) {
        let passwords = Arc::downgrade(&self.passwords);
        let length = move || passwords.upgrade().map_or(0, |passwords| passwords.admitted());
        metrics::counted_gauge(
            "password_hashes_in_flight",
            "Requests whose password is hashed or waits for it, or that do what it was for",
            length,
        );
    }
}
