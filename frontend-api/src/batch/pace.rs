//! How many requests may wait: as many as the queue holds while the far end keeps up, otherwise as many as it serves in time.
//!
//! A queue that is longer than the database's rate times the clients' patience serves nobody: each request waits until
//! its deadline and is then stored for a client that has left. With a queue of fixed length, a database that takes 350
//! rows a second served 25 % of that rate under a 20-fold load, after 5 s each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Parts of the callers' deadline, in hundredths.
const SLOW: u32 = 12;
const WORK: u32 = 4;
const WAIT: u32 = 6;
/// Lower bound: even a slow database should amortise each commit.
const FEWEST: usize = 32;

/// Shared by both ends of a queue.
#[derive(Clone)]
pub(super) struct Pace {
    limit: Arc<AtomicUsize>,
    /// How many requests the far end serves within `work`, according to the last batch.
    batch: Arc<AtomicUsize>,
    /// From arrival to answer. Beyond it the far end counts as behind: 0.6 s of a deadline of 5 s.
    slow: Duration,
    /// The share of it that the work for one batch may take.
    work: Duration,
    /// The share of it that waiting for a batch may take. The rest is reserve for a machine that is busy itself.
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
    pub(super) fn adaptive(capacity: usize, deadline: Duration) -> Self {
        let part = |hundredths| deadline * hundredths / 100;
        Self {
            limit: Arc::new(capacity.into()),
            batch: Arc::new(capacity.into()),
            slow: part(SLOW),
            work: part(WORK),
            wait: part(WAIT),
            capacity,
            adaptive: true,
        }
    }

    pub(super) fn fixed(capacity: usize) -> Self {
        Self { adaptive: false, ..Self::adaptive(capacity, Duration::ZERO) }
    }

    /// The pace after a far end that was slow, with requests that wait for no time at all.
    #[cfg(test)]
    pub(super) fn behind(capacity: usize) -> Self {
        Self { limit: Arc::new((capacity - 1).into()), ..Self::adaptive(capacity, Duration::ZERO) }
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
        let in_time = served.len as u128 * self.work.as_micros() / served.worked.as_micros().max(1);
        let in_time = usize::try_from(in_time).unwrap_or(self.capacity).max(FEWEST).min(self.capacity);
        self.batch.store(in_time, Ordering::Relaxed);
        let adapted = if served.waited > self.slow {
            in_time
        } else if served.waited < self.work {
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

    const DEADLINE: Duration = Duration::from_secs(5);

    fn after(pace: &Pace, len: usize, milliseconds: u64) -> usize {
        let took = Duration::from_millis(milliseconds);
        pace.adapt(&Served { len, waited: took, worked: took });
        pace.limit()
    }

    #[test]
    fn a_slow_batch_shortens_the_queue_to_what_is_served_in_time_and_fast_ones_restore_it() {
        let pace = Pace::adaptive(4096, DEADLINE);
        assert_eq!(after(&pace, 512, 10), 4096);
        assert_eq!(after(&pace, 512, 1024), 100, "500 rows a second, for 200 ms");
        assert_eq!(after(&pace, 100, 400), 100);
        let restored: Vec<_> = (0..6).map(|_| after(&pace, 100, 10)).collect();
        assert_eq!(restored, [200, 400, 800, 1600, 3200, 4096]);
        assert_eq!(after(&pace, 1, 60_000), FEWEST);
    }

    #[test]
    fn a_batch_is_what_the_database_takes_in_time_before_the_queue_gets_long() {
        let pace = Pace::adaptive(4096, DEADLINE);
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
        assert_eq!(after(&Pace::adaptive(4, DEADLINE), 4, 10_000), 4);
    }

    #[test]
    fn a_request_that_has_waited_too_long_is_given_up_only_while_the_far_end_is_behind() {
        let pace = Pace::adaptive(4096, DEADLINE);
        assert!(!pace.gives_up_after(Duration::from_secs(60)));
        after(&pace, 512, 1024);
        assert!(!pace.gives_up_after(pace.wait));
        assert!(pace.gives_up_after(pace.wait + Duration::from_nanos(1)));
    }
}
