//! How many requests may wait: as many as the queue holds while the far end keeps up, otherwise as many as it serves in time.
//!
//! A queue that is longer than the database's rate times the clients' patience serves nobody: each request waits until
//! its deadline and is then stored for a client that has left. With a queue of fixed length, a database that takes 350
//! rows a second served 25 % of that rate under a 20-fold load, after 5 s each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// From arrival to answer. Beyond it the far end counts as behind.
const SLOW: Duration = Duration::from_millis(600);
/// The share of it that the work for one batch may take.
const WORK: Duration = Duration::from_millis(200);
/// The share of it that waiting for a batch may take. The rest is reserve for a machine that is busy itself.
const WAIT: Duration = Duration::from_millis(300);
/// Lower bound: even a slow database should amortise each commit.
const FEWEST: usize = 32;

/// Shared by both ends of a queue.
#[derive(Clone)]
pub(super) struct Pace {
    limit: Arc<AtomicUsize>,
    /// How many requests the far end serves within [`WORK`], according to the last batch.
    batch: Arc<AtomicUsize>,
    /// The limit of [`Pace::gives_up_after`].
    wait: Duration,
    capacity: usize,
    adaptive: bool,
}

/// A batch that is done.
pub(super) struct Served {
    pub(super) len: usize,
    /// Since its first request arrived.
    pub(super) waited: Duration,
    /// Since the task got it.
    pub(super) worked: Duration,
}

impl Pace {
    pub(super) fn adaptive(capacity: usize) -> Self {
        Self {
            limit: Arc::new(capacity.into()),
            batch: Arc::new(capacity.into()),
            wait: WAIT,
            capacity,
            adaptive: true,
        }
    }

    pub(super) fn fixed(capacity: usize) -> Self {
        Self { adaptive: false, ..Self::adaptive(capacity) }
    }

    /// The pace after a far end that was slow, with requests that wait for no time at all.
    #[cfg(test)]
    pub(super) fn behind(capacity: usize) -> Self {
        Self { limit: Arc::new((capacity - 1).into()), wait: Duration::ZERO, ..Self::adaptive(capacity) }
    }

    /// The number of requests that may wait.
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// The number of requests in one batch. Without it, a sudden crowd would become one batch that takes too long as a
    /// whole.
    pub(super) fn batch(&self) -> usize {
        self.batch.load(Ordering::Relaxed).min(self.limit())
    }

    /// True if the far end is behind and a request that has waited this long should be rejected.
    pub(super) fn gives_up_after(&self, waited: Duration) -> bool {
        self.limit() < self.capacity && waited > self.wait
    }

    /// Learns from a batch. A slow one sets the limit to what would have been in time; each fast one doubles it.
    pub(super) fn adapt(&self, served: &Served) {
        if !self.adaptive {
            return;
        }
        let limit = self.limit();
        let in_time = served.len as u128 * WORK.as_micros() / served.worked.as_micros().max(1);
        let in_time = usize::try_from(in_time).unwrap_or(self.capacity).max(FEWEST).min(self.capacity);
        self.batch.store(in_time, Ordering::Relaxed);
        let adapted = if served.waited > SLOW {
            in_time
        } else if served.waited < WORK {
            limit.saturating_mul(2)
        } else {
            limit
        };
        self.limit.store(adapted.min(self.capacity), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pace: &Pace, len: usize, milliseconds: u64) -> usize {
        let took = Duration::from_millis(milliseconds);
        pace.adapt(&Served { len, waited: took, worked: took });
        pace.limit()
    }

    #[test]
    fn a_slow_batch_shortens_the_queue_to_what_is_served_in_time_and_fast_ones_restore_it() {
        let pace = Pace::adaptive(4096);
        assert_eq!(after(&pace, 512, 10), 4096);
        assert_eq!(after(&pace, 512, 1024), 100, "500 rows a second, for 200 ms");
        assert_eq!(after(&pace, 100, 400), 100);
        let restored: Vec<_> = (0..6).map(|_| after(&pace, 100, 10)).collect();
        assert_eq!(restored, [200, 400, 800, 1600, 3200, 4096]);
        assert_eq!(after(&pace, 1, 60_000), FEWEST);
    }

    #[test]
    fn a_batch_is_what_the_database_takes_in_time_before_the_queue_gets_long() {
        let pace = Pace::adaptive(4096);
        assert_eq!((after(&pace, 100, 200), pace.batch()), (4096, 100));
        assert_eq!((after(&pace, 1, 5), pace.batch()), (4096, 40));
        assert_eq!((after(&pace, 50, 5), pace.batch()), (4096, 2000));
    }

    #[test]
    fn a_queue_whose_requests_share_one_answer_keeps_its_length() {
        assert_eq!(after(&Pace::fixed(4096), 512, 10_000), 4096);
    }

    #[test]
    fn a_queue_shorter_than_the_shortest_batch_stays_as_it_is() {
        assert_eq!(after(&Pace::adaptive(4), 4, 10_000), 4);
    }

    #[test]
    fn a_request_that_has_waited_too_long_is_given_up_only_while_the_far_end_is_behind() {
        let pace = Pace::adaptive(4096);
        assert!(!pace.gives_up_after(Duration::from_secs(60)));
        after(&pace, 512, 1024);
        assert!(!pace.gives_up_after(WAIT));
        assert!(pace.gives_up_after(WAIT + Duration::from_nanos(1)));
    }
}
