//! A bounded queue of requests for one task that serves many of them at once.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::timeout;

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
}

/// The far end.
pub(super) struct Inbox<T, R>(mpsc::Receiver<Pending<T, R>>);

/// A request and whom to answer.
pub(super) struct Pending<T, R> {
    pub(super) request: T,
    reply: oneshot::Sender<Result<R, VisitError>>,
}

pub(super) fn new<T, R>(capacity: usize, deadline: Duration) -> (Batcher<T, R>, Inbox<T, R>) {
    let (queue, inbox) = mpsc::channel(capacity);
    (Batcher { queue, deadline }, Inbox(inbox))
}

impl<T, R> Clone for Batcher<T, R> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), deadline: self.deadline }
    }
}

impl<T, R> Batcher<T, R> {
    pub(super) async fn submit(&self, request: T) -> Result<R, VisitError> {
        use mpsc::error::TrySendError;
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Pending { request, reply }).map_err(|error| match error {
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
        let mut batch = vec![self.0.recv().await?];
        let mut idle_turns = 0;
        while idle_turns < IDLE_TURNS && batch.len() < LARGEST_BATCH {
            yield_now().await;
            let before = batch.len();
            while batch.len() < LARGEST_BATCH
                && let Ok(pending) = self.0.try_recv()
            {
                batch.push(pending);
            }
            idle_turns = if batch.len() == before { idle_turns + 1 } else { 0 };
        }
        Some(batch)
    }
}
