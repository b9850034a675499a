//! How the newest requests ended, so that the doctor can compare them with what it sees itself.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Requests for visits, of which there may be many thousands a second: each costs a few relaxed stores.
#[derive(Debug)]
pub struct Requests {
    start: Instant,
    failed_in_a_row: AtomicU32,
    /// Microseconds since `start`; 0: never.
    failed_at: AtomicU64,
    served_at: AtomicU64,
}

impl Default for Requests {
    fn default() -> Self {
        let zero = AtomicU64::default;
        Self { start: Instant::now(), failed_in_a_row: AtomicU32::default(), failed_at: zero(), served_at: zero() }
    }
}

impl Requests {
    /// Notes how a request ended.
    pub(super) fn note<T, E>(&self, result: &Result<T, E>) {
        let now = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        if result.is_ok() {
            self.served_at.store(now, Relaxed);
            self.failed_in_a_row.store(0, Relaxed);
        } else {
            self.failed_at.store(now, Relaxed);
            self.failed_in_a_row.fetch_add(1, Relaxed);
        }
    }

    /// Returns how many requests failed since the last one that was served.
    pub fn failed_in_a_row(&self) -> u32 {
        self.failed_in_a_row.load(Relaxed)
    }

    /// Returns when the newest request failed, if one has.
    pub fn failed_at(&self) -> Option<Instant> {
        self.moment(&self.failed_at)
    }

    /// Returns when the newest request was served, if one was.
    pub fn served_at(&self) -> Option<Instant> {
        self.moment(&self.served_at)
    }

    fn moment(&self, at: &AtomicU64) -> Option<Instant> {
        Some(at.load(Relaxed)).filter(|&micros| micros > 0).map(|micros| self.start + Duration::from_micros(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_since_the_last_request_that_was_served() {
        let requests = Requests::default();
        let (served, failed) = (Ok::<(), ()>(()), Err::<(), ()>(()));
        assert_eq!((requests.failed_in_a_row(), requests.failed_at(), requests.served_at()), (0, None, None));
        let begun = Instant::now();
        requests.note(&failed);
        requests.note(&failed);
        let failed_at = requests.failed_at().unwrap();
        // The moment is kept to the microsecond.
        assert!(failed_at + Duration::from_micros(1) > begun && failed_at <= Instant::now());
        assert_eq!((requests.failed_in_a_row(), requests.served_at()), (2, None));
        requests.note(&served);
        assert_eq!((requests.failed_in_a_row(), requests.failed_at()), (0, Some(failed_at)));
        assert!(requests.served_at().unwrap() >= failed_at);
        requests.note(&failed);
        assert_eq!(requests.failed_in_a_row(), 1);
    }
}
