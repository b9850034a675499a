//! How many may wait: all there is room for while the database keeps up, and as many as it serves in time when it does not.
//!
//! A queue that is longer than the database's pace times the clients' patience serves nobody: each request waits until
//! its deadline and is then stored for a client that has left. With a queue of fixed length a database that takes 350
//! rows a second served 25 % of that to a 20-fold load, after 5 s each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// From arrival to answer. Beyond it the database counts as behind.
const SLOW: Duration = Duration::from_millis(600);
/// What a batch may take of it.
const BATCH: Duration = Duration::from_millis(200);
/// What waiting for a batch may take of it. The rest is for a machine that is busy itself.
const WAIT: Duration = Duration::from_millis(300);
/// Also the slowest database gets batches worth their commit.
const FEWEST: usize = 32;

/// Shared by both ends of a queue.
#[derive(Clone)]
pub(super) struct Pace {
    limit: Arc<AtomicUsize>,
    /// What the database takes within [`BATCH`], as the last batch showed it.
    batch: Arc<AtomicUsize>,
    capacity: usize,
    adaptive: bool,
}

/// What was handed out.
pub(super) struct Batch {
    pub(super) len: usize,
    /// When its first request arrived.
    pub(super) oldest: Instant,
    /// When the database got it.
    pub(super) begun: Instant,
}

impl Pace {
    pub(super) fn adaptive(capacity: usize) -> Self {
        Self { limit: Arc::new(capacity.into()), batch: Arc::new(capacity.into()), capacity, adaptive: true }
    }

    pub(super) fn fixed(capacity: usize) -> Self {
        Self { adaptive: false, ..Self::adaptive(capacity) }
    }

    /// So many may wait.
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// So many go to the database at once. A sudden crowd would else become one batch that takes too long as a whole.
    pub(super) fn batch(&self) -> usize {
        self.batch.load(Ordering::Relaxed).min(self.limit())
    }

    /// Whether who has waited since then is refused, the database being behind.
    pub(super) fn gives_up_on(&self, since: Instant) -> bool {
        self.limit() < self.capacity && since.elapsed() > WAIT
    }

    /// Learns from a batch: a slow one sets the limit to what would have been in time, fast ones double it.
    pub(super) fn adapt(&self, batch: &Batch, done: Instant) {
        if !self.adaptive {
            return;
        }
        let limit = self.limit();
        let took = done - batch.oldest;
        let in_time = batch.len as u128 * BATCH.as_micros() / (done - batch.begun).as_micros().max(1);
        let in_time = usize::try_from(in_time).unwrap_or(self.capacity).max(FEWEST).min(self.capacity);
        self.batch.store(in_time, Ordering::Relaxed);
        let adapted = if took > SLOW {
            in_time
        } else if took < BATCH {
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
        let oldest = Instant::now();
        pace.adapt(&Batch { len, oldest, begun: oldest }, oldest + Duration::from_millis(milliseconds));
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
}
