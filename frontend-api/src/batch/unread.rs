//! The problems that a caller gets if a batch has no answer for it.

use std::borrow::Cow;

use causeway_common::http::problem::{Failure, Kind, Retry};

use super::Rejected;

/// So many requests wait for the database that it cannot serve another one in time.
pub static QUEUE_FULL: Kind = Kind {
    slug: "queue-full",
    status: 503,
    title: "Too many requests wait",
    meaning: "More requests wait for the database than it can serve in time. Nothing was written.",
    retry: Retry::Later,
};

/// The database did not answer before the request's deadline.
pub static DEADLINE_PASSED: Kind = Kind {
    slug: "deadline-passed",
    status: 503,
    title: "The database is slow",
    meaning: "The database did not answer before the request's deadline. The detail says whether a write can have taken \
              effect.",
    retry: Retry::Later,
};

/// This instance ended before the database answered.
pub static STOPPING: Kind = Kind {
    slug: "stopping",
    status: 503,
    title: "Shutting down",
    meaning: "This instance stops and could not finish the request. Another instance serves the next one. The detail says \
              whether a write can have taken effect.",
    retry: Retry::Later,
};

/// What every batch reports.
pub static KINDS: &[&Kind] = &[&QUEUE_FULL, &DEADLINE_PASSED, &STOPPING];

/// Why a request that only reads has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unread<E> {
    #[error("too many requests wait for the database")]
    QueueFull,
    #[error("the database did not answer in time")]
    DeadlinePassed,
    #[error("the task that talks to the database has ended")]
    Stopped,
    #[error(transparent)]
    Failed(E),
}

impl<E> From<Rejected<E>> for Unread<E> {
    fn from(rejected: Rejected<E>) -> Self {
        match rejected {
            Rejected::Full => Self::QueueFull,
            Rejected::Late { .. } => Self::DeadlinePassed,
            Rejected::Lost { .. } => Self::Stopped,
            Rejected::Failed(error) => Self::Failed(error),
        }
    }
}

impl<E: Failure> Failure for Unread<E> {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::QueueFull => &QUEUE_FULL,
            Self::DeadlinePassed => &DEADLINE_PASSED,
            Self::Stopped => &STOPPING,
            Self::Failed(error) => error.kind(),
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        match self {
            Self::Failed(error) => error.detail(),
            _ => "The request was not served; try again later.".into(),
        }
    }
}
