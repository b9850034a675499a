//! The task's end of a queue: it takes batches and answers them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use causeway_common::telemetry::trace;
use tokio::sync::mpsc;
use tokio::task::yield_now;

use super::pace::{Pace, Served};
use super::rejected::Rejected;
use super::request::Request;

/// Up to about this size, the database's work for one batch is short compared with its round trip.
const LARGEST_BATCH: usize = 512;
/// A batch of work is complete once this many turns of the event loop have brought no request: by then it has everything that the
/// kernel had. A timer would delay every single request.
const IDLE_TURNS: u32 = 2;

/// The receiving end of a queue. When it is dropped, all requests in it are lost and no further one is accepted.
pub struct Inbox<Q, A, E> {
    queue: mpsc::Receiver<Request<Q, A, E>>,
    /// The request that `arrival` waited for.
    first: Option<Request<Q, A, E>>,
    pace: Pace,
    /// Zero where more requests in a batch add nothing: the next batch takes those that come while this one is at work.
    idle_turns: u32,
}

/// Requests to be served together. Those that are not answered before it is dropped are reported as lost.
pub struct Batch<Q, A, E> {
    requests: Vec<Request<Q, A, E>>,
    /// Shared by the parts of a split batch. The last one to be dropped reports the time of the whole batch to the pace.
    round: Arc<Round>,
}

struct Round {
    pace: Pace,
    len: usize,
    /// How many of them had callers that have left.
    left: AtomicUsize,
    oldest: Instant,
    begun: Instant,
}

impl Round {
    /// Returns what the pace learns if the round ends `now`: nothing if there was no work.
    fn served(&self, now: Instant) -> Option<Served> {
        let len = self.len - self.left.load(Relaxed);
        (len > 0).then(|| Served { len, waited: now - self.oldest, worked: now - self.begun })
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        if let Some(served) = self.served(Instant::now()) {
            self.pace.adapt(&served);
        }
    }
}

impl<Q, A, E> Inbox<Q, A, E> {
    pub(super) fn new(queue: mpsc::Receiver<Request<Q, A, E>>, pace: Pace) -> Self {
        let idle_turns = if pace.is_adaptive() { IDLE_TURNS } else { 0 };
        Self { queue, first: None, pace, idle_turns }
    }

    /// Waits for a request, then gathers those that arrive with it. Returns `None` once every `Batcher` is dropped and
    /// the queue is empty.
    pub async fn next(&mut self) -> Option<Batch<Q, A, E>> {
        while self.arrival().await {
            if let Some(batch) = self.gather().await {
                return Some(batch);
            }
        }
        None
    }

    /// Waits for a request, which [`Inbox::gather`] takes. Returns false once every `Batcher` is dropped and the queue is
    /// empty.
    pub async fn arrival(&mut self) -> bool {
        if self.first.is_none() {
            self.first = self.queue.recv().await;
        }
        self.first.is_some()
    }

    /// Gathers the request that arrived and those that arrive with it. Returns `None` if it came too late to be served and no
    /// other waits.
    pub async fn gather(&mut self) -> Option<Batch<Q, A, E>> {
        let largest = LARGEST_BATCH.min(self.pace.batch());
        let mut requests = Vec::new();
        if let Some(first) = self.first.take() {
            self.admit(first, &mut requests);
        }
        self.take_waiting(largest, &mut requests);
        if requests.is_empty() {
            return None;
        }
        let mut idle_turns = 0;
        while idle_turns < self.idle_turns && requests.len() < largest {
            yield_now().await;
            let before = requests.len();
            self.take_waiting(largest, &mut requests);
            idle_turns = if requests.len() == before { idle_turns + 1 } else { 0 };
        }
        let oldest = requests.first()?.since;
        let (pace, len, left) = (self.pace.clone(), requests.len(), AtomicUsize::new(0));
        let round = Round { pace, len, left, oldest, begun: Instant::now() };
        Some(Batch { requests, round: Arc::new(round) })
    }

    /// True while the far end is so slow that the queue is shorter than its capacity.
    pub fn is_behind(&self) -> bool {
        self.pace.is_behind()
    }

    fn take_waiting(&mut self, largest: usize, requests: &mut Vec<Request<Q, A, E>>) {
        while requests.len() < largest
            && let Ok(request) = self.queue.try_recv()
        {
            self.admit(request, requests);
        }
    }

    /// Rejects a request that would be late even if it were served now, so that one that can be in time gets its place.
    fn admit(&self, request: Request<Q, A, E>, requests: &mut Vec<Request<Q, A, E>>) {
        if self.pace.gives_up_after(request.since.elapsed()) {
            request.answer(Err(Rejected::Full));
        } else {
            requests.push(request);
        }
    }
}

impl<Q, A, E> Batch<Q, A, E> {
    /// Drops the requests whose submitters have left, puts the others in flight, and returns them in order. Call it when
    /// the work really begins, because a request that is not in flight is reported as "not done".
    pub fn live(&mut self) -> impl ExactSizeIterator<Item = &Q> + Clone {
        let all = self.requests.len();
        self.requests.retain(Request::begin);
        self.round.left.fetch_add(all - self.requests.len(), Relaxed);
        self.questions()
    }

    /// Returns the requests in order; after `live`, those that it has left.
    pub fn questions(&self) -> impl ExactSizeIterator<Item = &Q> + Clone {
        self.requests.iter().map(|request| &request.question)
    }

    /// The traces to which the requests belong.
    pub fn traces(&self) -> impl Iterator<Item = &trace::Context> {
        self.requests.iter().map(|request| &request.trace)
    }

    /// Returns both halves; the first is the smaller one if they differ.
    pub fn split(mut self) -> (Self, Self) {
        let second = self.requests.split_off(self.requests.len() / 2);
        let round = self.round.clone();
        (self, Self { requests: second, round })
    }

    /// Answers the requests in order. Requests beyond the last answer are reported as lost.
    pub fn answer_each(self, answers: impl IntoIterator<Item = Result<A, E>>) {
        for (request, answer) in self.requests.into_iter().zip(answers) {
            request.answer(answer.map_err(Rejected::Failed));
        }
    }

    /// Gives each request the answer for one that waited as long as it did before the batch was complete.
    pub fn answer_by_wait(self, answer: impl Fn(Duration) -> A) {
        for request in self.requests {
            let wait = self.round.begun.saturating_duration_since(request.since);
            request.answer(Ok(answer(wait)));
        }
    }
}

impl<Q, A: Clone, E: Clone> Batch<Q, A, E> {
    /// Gives all requests the same answer.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over what they have just made")]
    pub fn answer_all(self, answer: Result<A, E>) {
        for request in self.requests {
            request.answer(answer.clone().map_err(Rejected::Failed));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::super::paced;
    use super::*;

    #[tokio::test]
    async fn the_pace_learns_how_many_requests_there_were_and_how_long_they_waited_and_were_worked_on() {
        let hour = Duration::from_secs(3600);
        let (batcher, mut inbox) = paced::<u32, u32, &str>(8, hour);
        let mut first = Box::pin(batcher.submit(1, trace::Context::default()));
        assert!(poll!(&mut first).is_pending());
        let after_first = Instant::now();
        let mut second = Box::pin(batcher.submit(2, trace::Context::default()));
        assert!(poll!(&mut second).is_pending());
        let after_second = Instant::now();
        let batch = inbox.next().await.unwrap();
        let end = Instant::now() + hour;
        let served = batch.round.served(end).unwrap();
        assert_eq!(served.len, 2);
        assert!(served.waited >= end - after_first);
        assert!((hour..=end - after_second).contains(&served.worked));
    }

    #[tokio::test]
    async fn the_pace_learns_only_from_requests_that_somebody_waited_for() {
        let (batcher, mut inbox) = paced::<u32, u32, &str>(8, Duration::from_secs(5));
        let mut stays = Box::pin(batcher.submit(1, trace::Context::default()));
        let mut leaves = Box::pin(batcher.submit(2, trace::Context::default()));
        assert!(poll!(&mut stays).is_pending() && poll!(&mut leaves).is_pending());
        drop(leaves);
        let mut batch = inbox.next().await.unwrap();
        assert_eq!(batch.live().len(), 1);
        assert_eq!(batch.round.served(Instant::now()).map(|served| served.len), Some(1));
        drop(stays);
        assert_eq!(batch.live().len(), 0);
        assert!(batch.round.served(Instant::now()).is_none());
    }

    #[tokio::test]
    async fn a_batch_has_the_requests_that_came_after_the_first_one_until_it_is_gathered() {
        let (batcher, mut inbox) = paced::<u32, u32, &str>(8, Duration::from_secs(5));
        let mut first = Box::pin(batcher.submit(1, trace::Context::default()));
        assert!(poll!(&mut first).is_pending());
        assert!(inbox.arrival().await);
        let mut second = Box::pin(batcher.submit(2, trace::Context::default()));
        assert!(poll!(&mut second).is_pending());
        let batch = inbox.gather().await.unwrap();
        assert_eq!(batch.questions().copied().collect::<Vec<_>>(), [1, 2]);
        assert!(inbox.gather().await.is_none(), "no other waits");
    }
}
