//! When one more batch may begin while others are at the database.
//!
//! With one batch at a time, a request waits for the end of the commit under way and then for its own commit. Where commits are
//! slow, several batches that overlap shorten the first wait, but only if they begin at even intervals: otherwise they begin
//! within a few requests of one another, and a later request waits for a whole commit as before.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, timeout_at};

/// Quicker commits come one at a time: the wait for the one under way is short, and larger batches cost less.
const SLOW_COMMIT: Duration = Duration::from_micros(1500);
/// A fourth batch shortens the usual wait by little, and made the longest ones several times as long (docs/performance.md).
const MOST_AT_ONCE: usize = 3;
/// Where the smoothed time begins, and its lower bound.
const QUICKEST_COMMIT: Duration = Duration::from_micros(100);
/// After one that failed, batches are alone for so long. If the connections are cut again and again, each further attempt to
/// connect is one that can fail, and then the database counts as unavailable for all.
const CAUTION: Duration = Duration::from_secs(30);
/// The share of the last commit in the smoothed time is one in so many.
const SMOOTHING: u32 = 8;

/// What a batch says of the next ones.
#[derive(Debug)]
pub(super) enum Ended {
    /// How long it waited for the database, without the work for its rows: another batch would compete for that instead of
    /// filling a pause.
    Waited(Duration),
    /// The database failed.
    Failed,
    /// Nothing: all its callers had left, or it took several commits because the database refused a row.
    Unknown,
}

/// The batches that are at the database.
pub(super) struct Overlap<F> {
    running: FuturesUnordered<F>,
    spacing: Spacing,
}

impl<F: Future<Output = Ended>> Overlap<F> {
    /// At most `most` at once, and never more than [`MOST_AT_ONCE`].
    pub(super) fn new(most: usize) -> Self {
        Self { running: FuturesUnordered::new(), spacing: Spacing::new(most.min(MOST_AT_ONCE), Instant::now()) }
    }

    /// Waits until one more may begin; if it has to be `alone`, until all others have ended.
    pub(super) async fn turn(&mut self, alone: bool) {
        while !self.running.is_empty() {
            let next = self.spacing.next(self.running.len()).filter(|_| !alone);
            match next {
                Some(next) if next <= Instant::now() => return,
                // Whether one ended or the time came, the next round finds out.
                Some(next) => drop(timeout_at(next, self.end()).await),
                None => self.end().await,
            }
        }
    }

    pub(super) fn begin(&mut self, batch: F) {
        self.running.push(batch);
        self.spacing.last = Instant::now();
    }

    /// Does other `work` while they run.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work => return result,
                () = self.end() => {}
            }
        }
    }

    /// Waits until the next one ends: for ever if none runs.
    async fn end(&mut self) {
        match self.running.next().await {
            Some(Ended::Waited(time)) => self.spacing.learn(time, Instant::now()),
            Some(Ended::Failed) => self.spacing.failed(Instant::now()),
            Some(Ended::Unknown) => {}
            None => std::future::pending().await,
        }
    }
}

/// The intervals at which batches begin.
struct Spacing {
    most: usize,
    /// When the last one began.
    last: Instant,
    /// How long a batch waits for the database, smoothed.
    commit: Duration,
    /// Until then nothing is learned, so that batches are alone.
    cautious_until: Instant,
}

impl Spacing {
    fn new(most: usize, now: Instant) -> Self {
        Self { most, last: now, commit: QUICKEST_COMMIT, cautious_until: now }
    }

    fn learn(&mut self, waited: Duration, now: Instant) {
        if now < self.cautious_until {
            return;
        }
        // So a hanging disk or a new connection, which say nothing of the next batches, count little.
        let counted = waited.min(2 * self.commit);
        self.commit = QUICKEST_COMMIT.max((self.commit * (SMOOTHING - 1) + counted) / SMOOTHING);
    }

    fn failed(&mut self, now: Instant) {
        self.commit = QUICKEST_COMMIT;
        self.cautious_until = now + CAUTION;
    }

    /// Returns when one more may join so many that run. `None` means that one must end before.
    fn next(&self, running: usize) -> Option<Instant> {
        let most = u32::try_from(self.most).ok()?;
        (running < self.most && self.commit >= SLOW_COMMIT).then(|| self.last + self.commit / most)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::task::Poll;

    use tokio::task::yield_now;
    use tokio::time::sleep;

    use super::*;

    async fn batch(time: Duration) -> Ended {
        sleep(time).await;
        // One without a duration fails at once.
        if time.is_zero() { Ended::Failed } else { Ended::Waited(time) }
    }

    /// Begins slow batches until several run.
    async fn until_they_overlap<F: Future<Output = Ended>>(overlap: &mut Overlap<F>, slow: impl Fn() -> F) {
        for _ in 0..200 {
            overlap.turn(false).await;
            overlap.begin(slow());
        }
        assert!(overlap.running.len() > 1);
    }

    /// The milliseconds between the beginnings, each as soon as it may be, of so many batches that take `time`.
    async fn intervals(most: usize, time: Duration, count: usize) -> Vec<u128> {
        let mut overlap = Overlap::new(most);
        let mut begins = Vec::new();
        for _ in 0..=count {
            overlap.turn(false).await;
            begins.push(Instant::now());
            overlap.begin(batch(time));
        }
        begins.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect()
    }

    const TWELVE_MS: Duration = Duration::from_millis(12);

    #[tokio::test(start_paused = true)]
    async fn slow_batches_begin_at_even_intervals() {
        for (most, interval) in [(9, 4), (3, 4), (2, 6), (1, 12)] {
            let intervals = intervals(most, TWELVE_MS, 200).await;
            assert_eq!(intervals[..10], [12; 10], "at most {most}: not known to be slow yet");
            assert_eq!(intervals[180..], [interval; 20], "at most {most}");
        }
    }

    #[test]
    fn one_more_joins_those_that_run_only_while_commits_are_slow() {
        let mut spacing = Spacing::new(4, Instant::now());
        for (microseconds, joins) in [(1400, false), (1600, true), (1400, false)] {
            (0..200).for_each(|_| spacing.learn(Duration::from_micros(microseconds), Instant::now()));
            assert_eq!(spacing.next(3).is_some(), joins, "{microseconds} µs");
            assert_eq!(spacing.next(4), None, "no more than four");
        }
    }

    #[test]
    fn after_one_that_failed_batches_are_alone_for_half_a_minute() {
        let begun = Instant::now();
        let mut spacing = Spacing::new(4, begun);
        for (seconds, joins) in [(0, true), (10, false), (39, false), (41, true)] {
            let now = begun + Duration::from_secs(seconds);
            if seconds == 10 {
                spacing.failed(now);
            }
            (0..30).for_each(|_| spacing.learn(TWELVE_MS, now));
            assert_eq!(spacing.next(1).is_some(), joins, "after {seconds} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_has_to_be_alone_waits_for_all_others() {
        let mut overlap = Overlap::new(4);
        until_they_overlap(&mut overlap, || batch(TWELVE_MS)).await;
        overlap.turn(true).await;
        assert!(overlap.running.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_slow_batch_is_no_reason_for_more_at_once() {
        let mut overlap = Overlap::new(4);
        overlap.begin(batch(Duration::from_secs(60)));
        for _ in 0..200 {
            overlap.turn(false).await;
            assert!(overlap.running.is_empty());
            overlap.begin(batch(Duration::from_millis(1)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_one_that_failed_the_next_batches_are_alone() {
        let mut overlap = Overlap::new(4);
        until_they_overlap(&mut overlap, || batch(TWELVE_MS)).await;
        overlap.turn(true).await;
        overlap.begin(batch(Duration::ZERO));
        for _ in 0..200 {
            overlap.turn(false).await;
            assert!(overlap.running.is_empty());
            overlap.begin(batch(TWELVE_MS));
        }
    }

    #[tokio::test]
    async fn work_that_waits_is_not_asked_again_while_no_batch_runs() {
        let asked = Arc::<AtomicU32>::default();
        let counted = asked.clone();
        let waiting = tokio::spawn(async move {
            let work = poll_fn(|_| {
                counted.fetch_add(1, Relaxed);
                Poll::<()>::Pending
            });
            Overlap::<std::future::Ready<Ended>>::new(4).during(work).await;
        });
        for _ in 0..10 {
            yield_now().await;
        }
        assert_eq!(asked.load(Relaxed), 1);
        waiting.abort();
    }
}
