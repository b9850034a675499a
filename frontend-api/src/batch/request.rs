//! One request between its submitter and the task, and the one word on which both agree.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use causeway_common::telemetry::trace;
use tokio::sync::oneshot;

use super::rejected::Rejected;

const QUEUED: u8 = 0;
const IN_FLIGHT: u8 = 1;
const WITHDRAWN: u8 = 2;

/// Moves once: from queued to in flight by the task, or from queued to withdrawn by the submitter. Whoever comes second
/// sees it, so a withdrawn request is never worked on and the submitter knows whether the work had begun.
#[derive(Default)]
struct State(AtomicU8);

impl State {
    fn move_to(&self, next: u8) -> bool {
        self.0.compare_exchange(QUEUED, next, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn is(&self, state: u8) -> bool {
        self.0.load(Ordering::Acquire) == state
    }
}

/// The task's side.
pub(super) struct Request<Q, A, E> {
    pub(super) question: Q,
    pub(super) trace: trace::Context,
    pub(super) since: Instant,
    state: Arc<State>,
    reply: oneshot::Sender<Result<A, Rejected<E>>>,
}

/// The submitter's side. Dropping it withdraws the request.
pub(super) struct Ticket<A, E> {
    state: Arc<State>,
    answer: oneshot::Receiver<Result<A, Rejected<E>>>,
}

pub(super) fn new<Q, A, E>(question: Q, trace: trace::Context) -> (Request<Q, A, E>, Ticket<A, E>) {
    let (reply, answer) = oneshot::channel();
    let state = Arc::new(State::default());
    let request = Request { question, trace, since: Instant::now(), state: state.clone(), reply };
    (request, Ticket { state, answer })
}

impl<Q, A, E> Request<Q, A, E> {
    /// Puts the request in flight. Returns false if its submitter no longer waits.
    pub(super) fn begin(&self) -> bool {
        (self.state.move_to(IN_FLIGHT) || self.state.is(IN_FLIGHT)) && !self.reply.is_closed()
    }

    /// Answers the submitter, if it still waits.
    pub(super) fn answer(self, answer: Result<A, Rejected<E>>) {
        // An error means that the submitter left, and it knows what it left behind.
        let _ = self.reply.send(answer);
    }
}

impl<A, E> Ticket<A, E> {
    /// Waits for the answer. The error means that the task dropped the request.
    pub(super) fn answer(&mut self) -> impl Future<Output = Result<Result<A, Rejected<E>>, oneshot::error::RecvError>> {
        &mut self.answer
    }

    /// Withdraws the request if its work has not begun. Returns true if it has.
    pub(super) fn withdraw(&self) -> bool {
        !self.state.move_to(WITHDRAWN) && self.state.is(IN_FLIGHT)
    }

    /// The outcome at the deadline: an answer that has just come counts.
    pub(super) fn late(mut self) -> Result<A, Rejected<E>> {
        let in_flight = self.withdraw();
        self.answer.try_recv().unwrap_or(Err(Rejected::Late { in_flight }))
    }
}

impl<A, E> Drop for Ticket<A, E> {
    fn drop(&mut self) {
        self.withdraw();
    }
}
