//! Which requests are traced.

use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use super::headers::Incoming;

/// Traces a second that strangers can force by their headers, beyond the sampler's share.
const FORCED_PER_SECOND: f64 = 5.0;

/// What the configured sampler decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampler {
    /// The share of traces that start here and are recorded.
    pub(super) ratio: f64,
    /// Whether a caller's decision is followed.
    pub(super) parent_based: bool,
}

/// Decides for each request.
#[derive(Debug)]
pub(super) struct Sampling {
    /// Of 2^63 equally likely numbers, those below are recorded.
    bound: u64,
    parent_based: bool,
    trusts_callers: bool,
    forced: Bucket,
}

/// What was decided for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) trace: TraceId,
    pub(super) parent: Option<SpanId>,
    pub(super) sampled: bool,
    /// For the headers of a request that is not recorded and has no parent.
    pub(super) random: SpanId,
}

impl Sampling {
    pub(super) fn new(sampler: Sampler, trusts_callers: bool) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the product is from 0 to 2^63")]
        let bound = (sampler.ratio * 2_f64.powi(63)) as u64;
        Self { bound, parent_based: sampler.parent_based, trusts_callers, forced: Bucket::default() }
    }

    /// Decides whether a request with these headers is recorded, and to which trace it belongs.
    pub(super) fn decide(&self, incoming: Option<Incoming>) -> Decision {
        let drawn = RandomIdGenerator::default().new_trace_id().to_bytes();
        let (head, tail) = drawn.split_at(8);
        let low = u64::from_be_bytes(tail.try_into().expect("half of 16 bytes"));
        // Not by the caller's trace id: the caller chooses that.
        let chosen = low >> 1 < self.bound;
        let sampled = match incoming.and_then(|incoming| incoming.sampled).filter(|_| self.parent_based) {
            Some(true) => chosen || self.trusts_callers || self.forced.take(Instant::now()),
            Some(false) => false,
            None => chosen,
        };
        Decision {
            trace: incoming.map_or_else(|| new_trace_id(drawn), |incoming| incoming.trace),
            parent: incoming.and_then(|incoming| incoming.parent),
            sampled,
            random: SpanId::from_bytes(head.try_into().expect("half of 16 bytes")),
        }
    }
}

/// X-Ray wants the time in the first four bytes.
fn new_trace_id(mut random: [u8; 16]) -> TraceId {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    random[..4].copy_from_slice(&seconds.to_be_bytes()[4..]);
    TraceId::from_bytes(random)
}

/// Tokens that come back at a constant rate.
#[derive(Debug)]
struct Bucket(Mutex<(f64, Option<Instant>)>);

impl Default for Bucket {
    fn default() -> Self {
        Self(Mutex::new((FORCED_PER_SECOND, None)))
    }
}

impl Bucket {
    /// Returns false if there is no token left.
    fn take(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, since) = *state;
        let elapsed = since.map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64());
        let tokens = (tokens + elapsed * FORCED_PER_SECOND).min(FORCED_PER_SECOND);
        let enough = tokens >= 1.0;
        *state = (if enough { tokens - 1.0 } else { tokens }, Some(now));
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sampling(ratio: f64, parent_based: bool, trusts_callers: bool) -> Sampling {
        Sampling::new(Sampler { ratio, parent_based }, trusts_callers)
    }

    fn incoming(sampled: Option<bool>) -> Incoming {
        let trace = TraceId::from_bytes([1; 16]);
        Incoming { trace, parent: sampled.map(|_| SpanId::from_bytes([2; 8])), sampled }
    }

    fn share(sampling: &Sampling, incoming: Option<Incoming>) -> f64 {
        let count = (0..10_000).filter(|_| sampling.decide(incoming).sampled).count();
        f64::from(u32::try_from(count).unwrap()) / 10_000.0
    }

    #[test]
    fn each_sampler_records_its_share_whatever_the_header_of_a_load_balancer_says() {
        for ratio in [0.0, 0.05, 0.5, 1.0] {
            for parent_based in [false, true] {
                for incoming in [None, Some(incoming(None))] {
                    let share = share(&sampling(ratio, parent_based, false), incoming);
                    assert!((share - ratio).abs() < 0.03, "{ratio} {parent_based}: {share}");
                }
            }
        }
    }

    #[test]
    fn a_callers_decision_is_followed_only_by_parent_based_samplers() {
        assert!(share(&sampling(1.0, true, false), Some(incoming(Some(false)))) == 0.0);
        assert!(share(&sampling(1.0, false, false), Some(incoming(Some(false)))) >= 1.0);
        assert!(share(&sampling(0.0, true, true), Some(incoming(Some(true)))) >= 1.0);
        assert!(share(&sampling(0.0, false, true), Some(incoming(Some(true)))) == 0.0);
    }

    #[test]
    fn strangers_force_a_few_traces_a_second_and_no_more() {
        let bucket = Bucket::default();
        let start = Instant::now();
        let taken = |after: u64| (0..100).filter(|_| bucket.take(start + Duration::from_millis(after))).count();
        assert_eq!([taken(0), taken(0), taken(1000), taken(1200), taken(60_000)], [5, 0, 5, 1, 5]);
    }

    #[test]
    fn the_callers_ids_are_kept_and_new_ones_begin_with_the_time() {
        let sampling = sampling(1.0, true, false);
        let decision = sampling.decide(Some(incoming(None)));
        assert_eq!((decision.trace, decision.parent), (TraceId::from_bytes([1; 16]), None));
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let [one, other] = [sampling.decide(None).trace, sampling.decide(None).trace];
        assert_ne!(one, other);
        let time = u64::from(u32::from_be_bytes(one.to_bytes()[..4].try_into().unwrap()));
        assert!(time.abs_diff(before) <= 5, "{time}");
    }
}
