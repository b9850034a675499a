//! One request between its submitter and the task, and the atomic state that both change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use causeway_common::telemetry::trace;
use tokio::sync::oneshot;

use super::rejected::Rejected;

const QUEUED: u8 = 0;
const IN_FLIGHT: u8 = 1;
const WITHDRAWN: u8 = 2;

/// Changes once: the task moves it from queued to in flight, or the submitter from queued to withdrawn. The second of them
/// sees this, so a withdrawn request is never worked on, and the submitter knows whether the work had begun.
#[derive(Default)]
struct State(AtomicU8);

impl State {
    /// Moves on from queued, and returns what the state is now: another one if the other side was first.
    fn move_to(&self, next: u8) -> u8 {
        self.0.compare_exchange(QUEUED, next, Ordering::AcqRel, Ordering::Acquire).map_or_else(|now| now, |_| next)
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

/// The submitter's side. If it is dropped, the work for the request does not begin.
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
        self.state.move_to(IN_FLIGHT) == IN_FLIGHT && !self.reply.is_closed()
    }

    /// Answers the submitter, if it still waits.
    pub(super) fn answer(self, answer: Result<A, Rejected<E>>) {
        // An error means that the submitter has left.
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
        self.state.move_to(WITHDRAWN) == IN_FLIGHT
    }

    /// Returns the outcome at the deadline: an answer that has just arrived counts.
    pub(super) fn late(mut self) -> Result<A, Rejected<E>> {
        let in_flight = self.withdraw();
        self.answer.try_recv().unwrap_or(Err(Rejected::Late { in_flight }))
    }
}
