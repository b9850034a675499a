//! The submitter's end of a queue.

use std::time::Duration;

use causeway_common::telemetry::trace;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::timeout;

use super::inbox::Inbox;
use super::pace::Pace;
use super::rejected::Rejected;
use super::request::{self, Request};

/// The submitting end of a queue.
pub struct Batcher<Q, A, E> {
    queue: mpsc::Sender<Request<Q, A, E>>,
    deadline: Duration,
    pace: Pace,
}

/// Returns both ends of a queue for requests that each add work. The queue shrinks as the far end slows down.
pub fn paced<Q, A, E>(capacity: usize, deadline: Duration) -> (Batcher<Q, A, E>, Inbox<Q, A, E>) {
    ends(capacity, deadline, Pace::adaptive(capacity, deadline))
}

/// Returns both ends of a queue for requests that share one answer, so that more requests add no work.
pub fn shared<Q, A, E>(capacity: usize, deadline: Duration) -> (Batcher<Q, A, E>, Inbox<Q, A, E>) {
    ends(capacity, deadline, Pace::fixed(capacity))
}

pub(super) fn ends<Q, A, E>(capacity: usize, deadline: Duration, pace: Pace) -> (Batcher<Q, A, E>, Inbox<Q, A, E>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Batcher { queue: sender, deadline, pace: pace.clone() }, Inbox::new(receiver, pace))
}

impl<Q, A, E> Clone for Batcher<Q, A, E> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), deadline: self.deadline, pace: self.pace.clone() }
    }
}

impl<Q, A, E> Batcher<Q, A, E> {
    /// Queues `question` and waits for its answer until the deadline. If the returned future is dropped before the work
    /// begins, the work for it is never done.
    ///
    /// # Errors
    /// Why there is no answer, and whether the work had begun.
    pub async fn submit(&self, question: Q, trace: trace::Context) -> Result<A, Rejected<E>> {
        if self.queue.max_capacity() - self.queue.capacity() >= self.pace.limit() {
            return Err(Rejected::Full);
        }
        let (request, ticket) = request::new(question, trace);
        self.queue.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => Rejected::Full,
            TrySendError::Closed(_) => Rejected::Lost { in_flight: false },
        })?;
        let mut ticket = ticket;
        match timeout(self.deadline, ticket.answer()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Rejected::Lost { in_flight: ticket.withdraw() }),
            Err(_) => ticket.late(),
        }
    }

    /// Returns how to read the length of the queue. It does not keep the queue open.
    pub fn length(&self) -> impl Fn() -> usize + Send + Sync + use<Q, A, E>
    where
        Q: Send,
        A: Send,
        E: Send,
    {
        let queue = self.queue.downgrade();
        move || queue.upgrade().map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    /// Returns the same queue with another deadline.
    #[cfg(test)]
    pub(super) fn with_deadline(&self, deadline: Duration) -> Self {
        Self { deadline, ..self.clone() }
    }
}
