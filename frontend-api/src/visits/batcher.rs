//! A bounded queue of requests for one task that serves many of them at once.

mod pace;

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::timeout;

use self::pace::{Batch, Pace};
use super::error::VisitError;

/// The database's work for one batch is short against its round trip up to about here.
const LARGEST_BATCH: usize = 512;
/// A batch is complete once this many turns of the event loop have brought nothing new: what has arrived by then is what
/// the kernel had. A timer instead would make every lone request wait for it.
const IDLE_TURNS: u32 = 2;

/// The near end: submit a request, wait for its answer.
pub(super) struct Batcher<T, R> {
    queue: mpsc::Sender<Pending<T, R>>,
    deadline: Duration,
    pace: Pace,
}

/// The far end.
pub(super) struct Inbox<T, R> {
    queue: mpsc::Receiver<Pending<T, R>>,
    pace: Pace,
    /// The batch that was handed out last; asking for the next one says that it is done.
    last: Option<Batch>,
}

/// A request and whom to answer.
pub(super) struct Pending<T, R> {
    pub(super) request: T,
    since: Instant,
    reply: oneshot::Sender<Result<R, VisitError>>,
}

/// For requests that cost the database something each: once it falls behind, the queue is kept short.
pub(super) fn paced<T, R>(capacity: usize, deadline: Duration) -> (Batcher<T, R>, Inbox<T, R>) {
    new(capacity, deadline, Pace::adaptive(capacity))
}

/// For requests that are all served by one answer, however many they are.
pub(super) fn unpaced<T, R>(capacity: usize, deadline: Duration) -> (Batcher<T, R>, Inbox<T, R>) {
    new(capacity, deadline, Pace::fixed(capacity))
}

fn new<T, R>(capacity: usize, deadline: Duration, pace: Pace) -> (Batcher<T, R>, Inbox<T, R>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Batcher { queue: sender, deadline, pace: pace.clone() }, Inbox { queue: receiver, pace, last: None })
}

impl<T, R> Clone for Batcher<T, R> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), deadline: self.deadline, pace: self.pace.clone() }
    }
}

impl<T, R> Batcher<T, R> {
    pub(super) async fn submit(&self, request: T) -> Result<R, VisitError> {
        use mpsc::error::TrySendError;
        if self.queue.max_capacity() - self.queue.capacity() >= self.pace.limit() {
            return Err(VisitError::QueueFull);
        }
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Pending { request, since: Instant::now(), reply }).map_err(|error| match error {
            TrySendError::Full(_) => VisitError::QueueFull,
            TrySendError::Closed(_) => VisitError::Stopped,
        })?;
        match timeout(self.deadline, answer).await {
            Ok(answer) => answer.unwrap_or(Err(VisitError::Stopped)),
            Err(_) => Err(VisitError::DeadlinePassed),
        }
    }
}

impl<T, R> Pending<T, R> {
    /// Nobody waits for the answer any more: the client left or its time is up.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    pub(super) fn answer(self, result: Result<R, VisitError>) {
        // An error means that nobody waits any more, which is theirs to decide.
        let _ = self.reply.send(result);
    }
}

impl<T, R> Inbox<T, R> {
    /// Waits for a request, then gathers those that come with it. `None` when no more can come.
    pub(super) async fn next_batch(&mut self) -> Option<Vec<Pending<T, R>>> {
        if let Some(last) = self.last.take() {
            self.pace.adapt(&last, Instant::now());
        }
        let largest = LARGEST_BATCH.min(self.pace.batch());
        let mut batch = Vec::new();
        while batch.is_empty() {
            let first = self.queue.recv().await?;
            self.take(first, &mut batch);
        }
        let mut idle_turns = 0;
        while idle_turns < IDLE_TURNS && batch.len() < largest {
            yield_now().await;
            let before = batch.len();
            while batch.len() < largest
                && let Ok(pending) = self.queue.try_recv()
            {
                self.take(pending, &mut batch);
            }
            idle_turns = if batch.len() == before { idle_turns + 1 } else { 0 };
        }
        self.last = batch.first().map(|first| Batch { len: batch.len(), oldest: first.since, begun: Instant::now() });
        Some(batch)
    }

    /// What would be late even if it were served at once is refused, and leaves its place to one that can be in time.
    fn take(&self, pending: Pending<T, R>, batch: &mut Vec<Pending<T, R>>) {
        if self.pace.gives_up_on(pending.since) {
            pending.answer(Err(VisitError::QueueFull));
        } else {
            batch.push(pending);
        }
    }
}
