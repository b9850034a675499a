//! Several batches at the database at once ("flights"), where commits are slow, and when the next one may depart.
//!
//! With one flight, a request waits for the end of the commit under way and then for its own commit. More flights shorten the
//! first wait, but only if they depart at even intervals: otherwise they leave within a few requests of one another, and a
//! later request waits for a whole commit as before.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, timeout_at};

/// Quicker flights depart one at a time: the wait for the one under way is short, and larger batches cost less.
const SLOW: Duration = Duration::from_micros(1500);
/// A fourth shortens the usual wait by little, and made the longest ones several times as long (docs/performance.md).
const MOST: usize = 3;
/// Where the smoothed time begins, and its lower bound.
const QUICKEST: Duration = Duration::from_micros(100);
/// After one that failed, flights are alone for so long. If the connections are cut again and again, each further attempt to connect
/// is one that can fail, and then the database counts as unavailable for all.
const CAUTION: Duration = Duration::from_secs(30);
/// The share of the last flight in the smoothed time is one in so many.
const SMOOTHING: u32 = 8;

/// What a flight says of the next ones.
#[derive(Debug)]
pub(super) enum Landing {
    /// How long it waited for the database, without the work for its rows: another flight would compete for that instead of
    /// filling a pause.
    Waited(Duration),
    /// The database failed.
    Failed,
    /// Nothing: all its visitors had left, or it took several commits because the database refused a row.
    Unknown,
}

/// The flights under way.
pub(super) struct Flights<F> {
    under_way: FuturesUnordered<F>,
    spacing: Spacing,
}

impl<F: Future<Output = Landing>> Flights<F> {
    /// At most `most` at once, and never more than [`MOST`].
    pub(super) fn new(most: usize) -> Self {
        Self { under_way: FuturesUnordered::new(), spacing: Spacing::new(most.min(MOST), Instant::now()) }
    }

    /// Waits until one more flight may depart; if it has to be `alone`, until all others have landed.
    pub(super) async fn clearance(&mut self, alone: bool) {
        while !self.under_way.is_empty() {
            let next = self.spacing.next_departure(self.under_way.len()).filter(|_| !alone);
            match next {
                Some(next) if next <= Instant::now() => return,
                // Whether it landed or the time came, the next turn finds out.
                Some(next) => drop(timeout_at(next, self.landing()).await),
                None => self.landing().await,
            }
        }
    }

    pub(super) fn depart(&mut self, flight: F) {
        self.under_way.push(flight);
        self.spacing.departed(Instant::now());
    }

    /// Does other `work` while flights are under way.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work => return result,
                () = self.landing() => {}
            }
        }
    }

    /// Waits for the next flight to land: for ever if none is under way.
    async fn landing(&mut self) {
        match self.under_way.next().await {
            Some(Landing::Waited(time)) => self.spacing.landed(time, Instant::now()),
            Some(Landing::Failed) => self.spacing.failed(Instant::now()),
            Some(Landing::Unknown) => {}
            None => std::future::pending().await,
        }
    }
}

/// The intervals at which flights depart.
struct Spacing {
    most: usize,
    last: Instant,
    /// How long a flight waits for the database, smoothed.
    time: Duration,
    /// Until then the time is not learned, so that flights are alone.
    cautious_until: Instant,
}

impl Spacing {
    fn new(most: usize, now: Instant) -> Self {
        Self { most, last: now, time: QUICKEST, cautious_until: now }
    }

    fn departed(&mut self, now: Instant) {
        self.last = now;
    }

    fn landed(&mut self, waited: Duration, now: Instant) {
        if now < self.cautious_until {
            return;
        }
        // So a hanging disk or a new connection, which say nothing of the next flights, count little.
        let counted = waited.min(2 * self.time);
        self.time = QUICKEST.max((self.time * (SMOOTHING - 1) + counted) / SMOOTHING);
    }

    fn failed(&mut self, now: Instant) {
        self.time = QUICKEST;
        self.cautious_until = now + CAUTION;
    }

    /// Returns when one more may join those that are under way. `None` means that one must land before.
    fn next_departure(&self, under_way: usize) -> Option<Instant> {
        let most = u32::try_from(self.most).ok()?;
        (under_way < self.most && self.time >= SLOW).then(|| self.last + self.time / most)
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

    async fn flight(time: Duration) -> Landing {
        sleep(time).await;
        // One without a duration fails at once.
        if time.is_zero() { Landing::Failed } else { Landing::Waited(time) }
    }

    /// The milliseconds between departures, each as soon as it may be, of so many flights that take `time`.
    async fn intervals(most: usize, time: Duration, count: usize) -> Vec<u128> {
        let mut flights = Flights::new(most);
        let mut departures = Vec::new();
        for _ in 0..=count {
            flights.clearance(false).await;
            departures.push(Instant::now());
            flights.depart(flight(time));
        }
        departures.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect()
    }

    const SLOW_COMMIT: Duration = Duration::from_millis(12);

    #[tokio::test(start_paused = true)]
    async fn slow_flights_depart_at_even_intervals() {
        for (most, interval) in [(9, 4), (3, 4), (2, 6), (1, 12)] {
            let intervals = intervals(most, SLOW_COMMIT, 200).await;
            assert_eq!(intervals[..10], [12; 10], "at most {most}: not known to be slow yet");
            assert_eq!(intervals[180..], [interval; 20], "at most {most}");
        }
    }

    #[test]
    fn one_more_joins_those_under_way_only_while_they_are_slow() {
        let mut spacing = Spacing::new(4, Instant::now());
        for (microseconds, joins) in [(1400, false), (1600, true), (1400, false)] {
            (0..200).for_each(|_| spacing.landed(Duration::from_micros(microseconds), Instant::now()));
            assert_eq!(spacing.next_departure(3).is_some(), joins, "{microseconds} µs");
            assert_eq!(spacing.next_departure(4), None, "no more than four");
        }
    }

    #[test]
    fn after_one_that_failed_flights_are_alone_for_half_a_minute() {
        let begun = Instant::now();
        let mut spacing = Spacing::new(4, begun);
        for (seconds, joins) in [(0, true), (10, false), (39, false), (41, true)] {
            let now = begun + Duration::from_secs(seconds);
            if seconds == 10 {
                spacing.failed(now);
            }
            (0..30).for_each(|_| spacing.landed(SLOW_COMMIT, now));
            assert_eq!(spacing.next_departure(1).is_some(), joins, "after {seconds} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flight_that_has_to_be_alone_waits_for_all_others() {
        let mut flights = Flights::new(4);
        for _ in 0..200 {
            flights.clearance(false).await;
            flights.depart(flight(SLOW_COMMIT));
        }
        assert!(flights.under_way.len() > 1);
        flights.clearance(true).await;
        assert!(flights.under_way.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_slow_flight_is_no_reason_for_more_at_once() {
        let mut flights = Flights::new(4);
        flights.depart(flight(Duration::from_secs(60)));
        for _ in 0..200 {
            flights.clearance(false).await;
            assert!(flights.under_way.is_empty());
            flights.depart(flight(Duration::from_millis(1)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_one_that_failed_the_next_flights_are_alone() {
        let mut flights = Flights::new(4);
        for _ in 0..200 {
            flights.clearance(false).await;
            flights.depart(flight(SLOW_COMMIT));
        }
        assert!(flights.under_way.len() > 1);
        flights.clearance(true).await;
        flights.depart(flight(Duration::ZERO));
        for _ in 0..200 {
            flights.clearance(false).await;
            assert!(flights.under_way.is_empty());
            flights.depart(flight(SLOW_COMMIT));
        }
    }

    #[tokio::test]
    async fn work_that_waits_is_not_asked_again_while_no_flight_is_under_way() {
        let asked = Arc::<AtomicU32>::default();
        let counted = asked.clone();
        let waiting = tokio::spawn(async move {
            let work = poll_fn(|_| {
                counted.fetch_add(1, Relaxed);
                Poll::<()>::Pending
            });
            Flights::<std::future::Ready<Landing>>::new(4).during(work).await;
        });
        for _ in 0..10 {
            yield_now().await;
        }
        assert_eq!(asked.load(Relaxed), 1);
        waiting.abort();
    }
}
