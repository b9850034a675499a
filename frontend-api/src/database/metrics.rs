//! The metrics of the pool, its credentials and its certificate.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use causeway_common::telemetry::metrics::{self, Counter, Family, Gauge, Labels};
use deadpool::Status;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::{Database, DatabaseError};

static WAITING: LazyLock<Gauge> =
    LazyLock::new(|| metrics::gauge("database_waiting", "Requests that wait for a connection of the pool"));
static CONNECTION_ERRORS: LazyLock<Family<Labels, Counter>> = LazyLock::new(|| {
    metrics::register("database_connection_errors", "Connections that could not be made, by cause", Family::default())
});
static SECRET_READS: LazyLock<Family<Labels, Counter>> = LazyLock::new(|| {
    metrics::register("database_secret_reads", "Reads of the database's secret, by outcome", Family::default())
});
static CONFLICTS: LazyLock<Counter> = LazyLock::new(|| {
    metrics::counter(
        "database_conflicts",
        "Statements and transactions that ran again because another one got in their way",
    )
});

/// Seconds since 1970 at which the certificate that the server showed last ends; 0 if it has shown none.
static CERTIFICATE_ENDS: AtomicU64 = AtomicU64::new(0);

/// Notes when the server's certificate ends.
pub(super) fn certificate_accepted(certificate: &[u8]) {
    // The verifier judges a certificate that can't be read; the gauge keeps its value.
    if let Ok(certificate) = Certificate::from_der(certificate) {
        let end = certificate.tbs_certificate.validity.not_after.to_unix_duration();
        CERTIFICATE_ENDS.store(end.as_secs(), Ordering::Relaxed);
    }
}

fn certificate_days_left() -> f64 {
    days_until(CERTIFICATE_ENDS.load(Ordering::Relaxed), SystemTime::now())
}

/// Returns the days from `now` until these seconds since 1970, or NaN if they are 0.
fn days_until(seconds: u64, now: SystemTime) -> f64 {
    const DAY: f64 = 86_400.0;
    let end = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).filter(|_| seconds > 0);
    end.map_or(f64::NAN, |end| match end.duration_since(now) {
        Ok(left) => left.as_secs_f64() / DAY,
        Err(past) => -past.duration().as_secs_f64() / DAY,
    })
}

/// Counts a statement or transaction that runs again because of another one.
pub(super) fn repeated() {
    CONFLICTS.inc();
}

/// Counts a request as waiting until it is dropped.
pub(super) struct Waiting;

impl Waiting {
    pub(super) fn begin() -> Self {
        WAITING.inc();
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.dec();
    }
}

/// Counts a connection that could not be made.
pub(super) fn connection_failed(error: &DatabaseError) {
    CONNECTION_ERRORS.get_or_create_owned(&label("cause", cause(error))).inc();
}

/// Counts a read of the database's secret.
pub(super) fn secret_read(succeeded: bool) {
    SECRET_READS.get_or_create_owned(&label("outcome", if succeeded { "ok" } else { "failed" })).inc();
}

fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

/// A fixed set: the server's text is never a label.
pub(super) fn cause(error: &DatabaseError) -> &'static str {
    match error {
        DatabaseError::Credentials(_) => "credentials",
        DatabaseError::Connect(error) | DatabaseError::Query(error) if error.code().is_some() => "refused",
        DatabaseError::Connect(_) | DatabaseError::Query(_) => "network",
        DatabaseError::TimedOut(_) => "timeout",
        _ => "other",
    }
}

impl Database {
    /// Registers the metrics. Call it once.
    pub fn register_metrics(&self) {
        let availability = self.availability.clone();
        let status = |value: fn(&Status) -> usize| {
            let pool = self.pool.weak();
            move || pool.upgrade().map_or(0, |pool| value(&pool.status()))
        };
        metrics::counted_gauge("database_connections", "Connections of the pool that are open", status(|s| s.size));
        metrics::counted_gauge(
            "database_connections_in_use",
            "Connections of the pool that serve a request",
            status(|status| status.size.saturating_sub(status.available)),
        );
        metrics::computed_gauge("database_available", "1 if requests may use the database, otherwise 0", move || {
            f64::from(u8::from(availability.check().is_ok()))
        });
        metrics::computed_gauge(
            "database_certificate_days_left",
            "Days until the server's newest certificate expires; NaN without TLS",
            certificate_days_left,
        );
        LazyLock::force(&WAITING);
        LazyLock::force(&CONFLICTS);
        for cause in ["credentials", "refused", "network", "timeout", "other"] {
            CONNECTION_ERRORS.get_or_create_owned(&label("cause", cause));
        }
        for outcome in ["ok", "failed"] {
            SECRET_READS.get_or_create_owned(&label("outcome", outcome));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_has_ended_has_negative_days_and_one_that_was_never_shown_none() {
        const DAY: u64 = 86_400;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100 * DAY);
        for (end, days) in
            [(103 * DAY, 3.0), (100 * DAY + DAY / 2, 0.5), (100 * DAY, 0.0), (98 * DAY, -2.0), (1, -100.0)]
        {
            assert!((days_until(end, now) - days).abs() < 1e-3, "{end}: {}", days_until(end, now));
        }
        assert!(days_until(0, now).is_nan());
    }
}
