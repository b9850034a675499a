//! Limits how many requests may wait: as many as the queue holds while the database keeps up, otherwise as many as it
//! serves in time.
//!
//! If more requests wait than the database serves within their deadline, each waits until its deadline and is then stored
//! for a client that has left.
//!
//! A batch costs a fixed part, above all its commit, and a part for each row. On a slow disk nearly all is fixed, and larger
//! batches are the remedy; with a slow trigger nearly all is for the rows, and smaller batches are. Small batches show the
//! fixed part, and what a batch may hold at most doubles from one to the next, so that a wrong guess costs little.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Parts of the callers' deadline, in hundredths. A commit that hangs for most of a second is common while a server writes a
/// checkpoint, and no reason to refuse anybody.
const SLOW_SHARE: u32 = 18;
const WORK_SHARE: u32 = 4;
const WAIT_SHARE: u32 = 6;
/// Lower bound: even a slow database should amortise each commit. Batches up to this size count as small.
const FEWEST: usize = 32;

/// Shared by both ends of a queue.
#[derive(Clone)]
pub(super) struct Pace {
    limit: Arc<AtomicUsize>,
    /// How many requests the far end serves within `work`, according to the last batch.
    batch: Arc<AtomicUsize>,
    /// What the last small batch took, in microseconds: the cost of any batch. At most `work`.
    fixed_part: Arc<AtomicU64>,
    /// Time from arrival to answer beyond which the database counts as behind: 0.9 s of a deadline of 5 s.
    slow: Duration,
    /// The share of it that the rows of one batch may take.
    work: Duration,
    /// The share of it that waiting for a batch may take. The rest is a reserve for a busy machine.
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
            fixed_part: Arc::default(),
            slow: part(SLOW_SHARE),
            work: part(WORK_SHARE),
            wait: part(WAIT_SHARE),
            capacity,
            adaptive: true,
        }
    }

    pub(super) fn fixed(capacity: usize) -> Self {
        Self { adaptive: false, ..Self::adaptive(capacity, Duration::ZERO) }
    }

    /// The pace after the database was slow, with requests that do not wait.
    #[cfg(test)]
    pub(super) fn behind(capacity: usize) -> Self {
        Self { limit: Arc::new((capacity - 1).into()), ..Self::adaptive(capacity, Duration::ZERO) }
    }

    /// True if each request adds work.
    pub(super) fn is_adaptive(&self) -> bool {
        self.adaptive
    }

    /// The number of requests that may wait.
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// True if fewer requests may wait than the queue holds.
    pub(super) fn is_behind(&self) -> bool {
        self.limit() < self.capacity
    }

    /// The number of requests in one batch. Without this limit, a sudden crowd would become one batch that takes too long.
    pub(super) fn batch(&self) -> usize {
        self.batch.load(Ordering::Relaxed).min(self.limit())
    }

    /// True if the far end is behind and a request that has waited this long should be rejected. Waiting for the end of
    /// the batch before its own costs every request the fixed part.
    pub(super) fn gives_up_after(&self, waited: Duration) -> bool {
        self.is_behind() && waited > self.wait + self.fixed_part()
    }

    /// Learns from a batch. A slow one sets the limit to what would have been in time; each fast one doubles it.
    pub(super) fn adapt(&self, served: &Served) {
        if !self.adaptive {
            return;
        }
        if served.len <= FEWEST {
            let fixed = served.worked.min(self.work).as_micros();
            self.fixed_part.store(u64::try_from(fixed).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        let in_time = self.in_time(served);
        self.batch.store(in_time, Ordering::Relaxed);
        let limit = self.limit();
        let adapted = if served.waited > self.slow {
            in_time
        } else if served.waited < self.work + 2 * self.fixed_part() {
            limit.saturating_mul(2)
        } else {
            limit
        };
        self.limit.store(adapted.min(self.capacity), Ordering::Relaxed);
    }

    /// Returns how many rows the next batch may hold: as many as fit if each row costs the same, or up to twice as many as in
    /// this batch if a part of its time was the fixed one.
    fn in_time(&self, served: &Served) -> usize {
        let rows_within = |time: Duration| {
            let rows = served.len as u128 * self.work.as_micros() / time.as_micros().max(1);
            usize::try_from(rows).unwrap_or(self.capacity)
        };
        let without_fixed = rows_within(served.worked.saturating_sub(self.fixed_part())).min(2 * served.len);
        rows_within(served.worked).max(without_fixed).max(FEWEST)
    }

    fn fixed_part(&self) -> Duration {
        Duration::from_micros(self.fixed_part.load(Ordering::Relaxed))
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
        assert_eq!(after(&pace, 512, 900), 4096, "a commit may hang for a moment");
        assert_eq!(after(&pace, 512, 1024), 100, "500 rows a second, for 200 ms");
        assert_eq!(after(&pace, 100, 200), 100, "just as fast as it should be");
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
    fn a_batch_is_no_larger_than_the_queue() {
        let pace = Pace::adaptive(4096, DEADLINE);
        after(&pace, FEWEST, 60_000);
        assert_eq!((after(&pace, 50, 5), pace.batch()), (64, 64));
    }

    #[test]
    fn the_queue_grows_while_requests_wait_for_no_more_than_the_work_and_two_fixed_parts() {
        let pace = Pace::adaptive(4096, DEADLINE);
        assert_eq!(after(&pace, 512, 2048), 50);
        assert_eq!(after(&pace, 1, 100), 100, "100 ms are fixed, and 200 ms are for the work");
        let waited = |milliseconds| {
            pace.adapt(&Served { len: 100, waited: Duration::from_millis(milliseconds), worked: Duration::ZERO });
            pace.limit()
        };
        assert_eq!((waited(399), waited(400)), (200, 200));
    }

    #[test]
    fn where_a_commit_is_slow_and_rows_cost_nothing_batches_and_queue_grow() {
        let pace = Pace::adaptive(4096, DEADLINE);
        assert_eq!(after(&pace, FEWEST, 60_000), FEWEST, "the disk hung");
        let grown: Vec<_> = (0..4).map(|_| (after(&pace, pace.batch(), 300), pace.batch())).collect();
        assert_eq!(grown, [(64, 64), (128, 128), (256, 256), (512, 512)]);
    }

    #[test]
    fn where_rows_are_slow_a_batch_that_grew_shrinks_again() {
        let pace = Pace::adaptive(4096, DEADLINE);
        // 10 ms a row: the small batch looks as if all its time were fixed.
        assert_eq!((after(&pace, 32, 320), pace.batch()), (4096, 53));
        assert_eq!((after(&pace, 53, 530), pace.batch()), (4096, 32));
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
        after(&pace, 512, 2048);
        assert!(!pace.gives_up_after(pace.wait));
        assert!(pace.gives_up_after(pace.wait + Duration::from_nanos(1)));
        pace.adapt(&Served { len: 1, waited: DEADLINE, worked: Duration::from_millis(100) });
        assert!(
            !pace.gives_up_after(pace.wait + Duration::from_millis(100)),
            "the fixed part of the batch before counts"
        );
    }
}
