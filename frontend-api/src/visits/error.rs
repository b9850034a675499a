//! Why a visit was not recorded or the list not read.

use std::borrow::Cow;
use std::sync::Arc;

use causeway_common::http::problem::{Failure, Kind, Retry};

use crate::database::DatabaseError;

/// One failure can be the failure of a whole batch, hence the `Arc`.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum VisitError {
    #[error("the queue is full")]
    QueueFull,
    #[error("the database did not answer in time")]
    DeadlinePassed,
    #[error("the database refused this visit")]
    Refused(#[source] Arc<DatabaseError>),
    #[error(transparent)]
    Database(Arc<DatabaseError>),
    #[error("the task that talks to the database has ended")]
    Stopped,
}

impl From<DatabaseError> for VisitError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(Arc::new(error))
    }
}

/// So many requests wait for the database that it cannot serve another one in time.
pub static QUEUE_FULL: Kind = Kind {
    slug: "queue-full",
    status: 503,
    title: "Too many requests wait",
    meaning: "More requests wait for the database than it can serve in time. Nothing was recorded.",
    retry: Retry::Later,
};

/// The database did not answer before the request's deadline.
pub static DEADLINE_PASSED: Kind = Kind {
    slug: "deadline-passed",
    status: 503,
    title: "The database is slow",
    meaning: "The database did not answer before the request's deadline. Whether a write took effect is unknown.",
    retry: Retry::Later,
};

/// This instance ended before the database answered.
pub static STOPPING: Kind = Kind {
    slug: "stopping",
    status: 503,
    title: "Shutting down",
    meaning: "This instance stops and could not finish the request. Another instance serves the next one.",
    retry: Retry::Later,
};

/// The database cannot store what the visit holds.
pub static VISIT_REFUSED: Kind = Kind {
    slug: "visit-refused",
    status: 422,
    title: "The visit was refused",
    meaning: "The database cannot store this User-Agent, for example because it holds the character U+0000. Nothing was \
              recorded.",
    retry: Retry::Never,
};

/// What visits report.
pub static KINDS: &[&Kind] = &[&QUEUE_FULL, &DEADLINE_PASSED, &STOPPING, &VISIT_REFUSED];

impl Failure for VisitError {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::QueueFull => &QUEUE_FULL,
            Self::DeadlinePassed => &DEADLINE_PASSED,
            Self::Stopped => &STOPPING,
            Self::Refused(_) => &VISIT_REFUSED,
            Self::Database(error) => error.kind(),
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::QueueFull => "Nothing was recorded; try again later.",
            Self::DeadlinePassed => {
                "The database did not answer in time. Whether a write took effect is unknown; try again later."
            }
            Self::Stopped => "Nothing was recorded; try again, and another instance answers.",
            Self::Refused(_) => "The database cannot store this User-Agent; nothing was recorded.",
            Self::Database(error) => return error.detail(),
        })
    }
}
