//! The state of the cache: what is known, and when to read again. The clock is passed in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_common::contract::TaskIdentity;

use super::client::ReadError;
use super::identity::is_complete;

/// The first wait after a read that did not give a complete identity; it doubles from there, four times at most, and
/// never exceeds the time between two refreshes.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const DOUBLINGS: u32 = 4;

/// What the reads so far gave.
#[derive(Debug, Default)]
pub(super) struct State {
    identity: Option<TaskIdentity>,
    failure: Option<Arc<ReadError>>,
    reading: bool,
    next_read: Option<Instant>,
    /// When the endpoint last gave an identity.
    last_success: Option<Instant>,
    /// Reads in a row that failed or gave an incomplete identity.
    unsettled: u32,
}

/// What a read changed about the endpoint's health, to be logged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Failing,
    Recovered,
}

impl State {
    /// Returns true if it is time to read and no read is under way.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.reading && self.next_read.is_none_or(|next| next <= now)
    }

    /// Claims the next read: true for one caller alone, who must then [`finish`](Self::finish) it.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let begins = self.is_due(now);
        self.reading |= begins;
        begins
    }

    /// Records the result of a read. An incomplete identity never replaces a complete one.
    pub(super) fn finish(
        &mut self,
        result: Result<TaskIdentity, ReadError>,
        now: Instant,
        refresh: Duration,
    ) -> Change {
        let was_failing = self.failure.is_some();
        let complete = result.as_ref().is_ok_and(is_complete);
        self.unsettled = if complete { 0 } else { self.unsettled.saturating_add(1) };
        match result {
            Ok(identity) => {
                if complete || !self.is_complete() {
                    self.identity = Some(identity);
                }
                self.failure = None;
                self.last_success = Some(now);
            }
            Err(error) => self.failure = Some(Arc::new(error)),
        }
        self.reading = false;
        self.next_read = Some(now + if self.is_complete() { refresh } else { backoff(self.unsettled).min(refresh) });
        match (was_failing, self.failure.is_some()) {
            (false, true) => Change::Failing,
            (true, false) => Change::Recovered,
            _ => Change::None,
        }
    }

    /// Whether waiting for the read under way, if there is one, gains nothing: a complete identity stays true for the
    /// life of the task.
    pub(super) fn is_settled(&self) -> bool {
        self.is_complete() || !self.reading
    }

    /// The identity, or why there is none and when to ask again.
    pub(super) fn answer(&self, now: Instant) -> Result<TaskIdentity, (Arc<ReadError>, Duration)> {
        self.identity.clone().ok_or_else(|| {
            let cause = self.failure.clone().unwrap_or_else(|| Arc::new(ReadError::NotRead));
            (cause, self.next_read.map_or(Duration::ZERO, |next| next.saturating_duration_since(now)))
        })
    }

    /// Returns how long ago the endpoint last gave an identity.
    pub(super) fn age(&self, now: Instant) -> Option<Duration> {
        self.last_success.map(|at| now.saturating_duration_since(at))
    }

    /// Why the newest read failed, if it did.
    pub(super) fn failure(&self) -> Option<&ReadError> {
        self.failure.as_deref()
    }

    fn is_complete(&self) -> bool {
        self.identity.as_ref().is_some_and(is_complete)
    }
}

fn backoff(unsettled: u32) -> Duration {
    FIRST_RETRY * 2_u32.pow(unsettled.saturating_sub(1).min(DOUBLINGS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH: Duration = Duration::from_secs(5);

    fn identity(ip_address: Option<&str>) -> TaskIdentity {
        TaskIdentity {
            task_arn: Some("arn".to_owned()),
            cluster: Some("demo".to_owned()),
            launch_type: None,
            service_name: None,
            ip_address: ip_address.map(str::to_owned),
        }
    }

    fn wait_after(state: &mut State, result: Result<TaskIdentity, ReadError>, now: Instant) -> Duration {
        state.reading = true;
        state.finish(result, now, REFRESH);
        state.next_read.unwrap() - now
    }

    #[test]
    fn one_caller_alone_reads_and_the_next_read_waits_for_its_time() {
        let now = Instant::now();
        let mut state = State::default();
        assert!(state.begin(now));
        assert!(!state.begin(now));
        state.finish(Ok(identity(Some("10.0.0.1"))), now, REFRESH);
        assert!(!state.begin(now + REFRESH / 2));
        assert!(state.begin(now + REFRESH));
    }

    #[test]
    fn failures_back_off_until_the_time_between_refreshes_and_start_over_after_a_success() {
        let now = Instant::now();
        let mut state = State::default();
        let waits: Vec<_> = (0..6).map(|_| wait_after(&mut state, Err(ReadError::Empty), now).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(wait_after(&mut state, Ok(identity(Some("10.0.0.1"))), now), REFRESH);
        assert_eq!(wait_after(&mut state, Err(ReadError::Empty), now), REFRESH, "what is cached can wait");
        assert_eq!(state.unsettled, 1);
    }

    #[test]
    fn an_incomplete_identity_is_served_read_again_soon_and_never_displaces_a_complete_one() {
        let now = Instant::now();
        let mut state = State::default();
        assert_eq!(wait_after(&mut state, Ok(identity(None)), now), FIRST_RETRY);
        assert_eq!(state.answer(now).unwrap(), identity(None));
        wait_after(&mut state, Ok(identity(Some("10.0.0.1"))), now);
        wait_after(&mut state, Ok(identity(None)), now);
        assert_eq!(state.answer(now).unwrap(), identity(Some("10.0.0.1")));
        wait_after(&mut state, Ok(identity(Some("10.0.0.2"))), now);
        assert_eq!(state.answer(now).unwrap(), identity(Some("10.0.0.2")));
    }

    #[test]
    fn only_changes_of_health_are_reported() {
        let now = Instant::now();
        let mut state = State::default();
        assert_eq!(state.finish(Ok(identity(None)), now, REFRESH), Change::None);
        assert_eq!(state.finish(Err(ReadError::Empty), now, REFRESH), Change::Failing);
        assert_eq!(state.finish(Err(ReadError::Empty), now, REFRESH), Change::None);
        assert_eq!(state.finish(Ok(identity(None)), now, REFRESH), Change::Recovered);
    }
}
