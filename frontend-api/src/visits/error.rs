//! Why a visit was not recorded or the list not read.

use std::borrow::Cow;
use std::sync::Arc;

use causeway_common::http::problem::{Failure, Kind, Retry};

use crate::batch::{DEADLINE_PASSED, QUEUE_FULL, Rejected, STOPPING};
use crate::database::DatabaseError;

/// Why the database did not insert a visit. The error can be that of a whole batch, hence the `Arc`.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum InsertError {
    /// Because of the data of this one visit.
    #[error("the database refused this visit")]
    Refused(#[source] Arc<DatabaseError>),
    #[error(transparent)]
    Database(Arc<DatabaseError>),
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    #[error("too many requests wait for the database")]
    QueueFull(Effect),
    #[error("the database did not answer in time")]
    DeadlinePassed(Effect),
    #[error("the task that talks to the database has ended")]
    Stopped(Effect),
    #[error("the database refused this visit")]
    Refused(#[source] Arc<DatabaseError>),
    #[error("{source}")]
    Database { source: Arc<DatabaseError>, effect: Effect },
}

/// What is known of a failed request's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    NotRecorded,
    Unknown,
    /// The request only reads.
    NotRead,
}

impl Effect {
    fn of_write(in_doubt: bool) -> Self {
        if in_doubt { Self::Unknown } else { Self::NotRecorded }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::NotRecorded => "The visit was not recorded; try again later.",
            Self::Unknown => "It is unknown whether the visit was recorded; try again later.",
            Self::NotRead => "The visits could not be read; try again later.",
        }
    }
}

impl VisitError {
    /// The error of a visit that should have been recorded.
    pub(super) fn recording(rejected: Rejected<InsertError>) -> Self {
        match rejected {
            Rejected::Full => Self::QueueFull(Effect::NotRecorded),
            Rejected::Late { in_flight } => Self::DeadlinePassed(Effect::of_write(in_flight)),
            Rejected::Lost { in_flight } => Self::Stopped(Effect::of_write(in_flight)),
            Rejected::Failed(InsertError::Refused(error)) => Self::Refused(error),
            Rejected::Failed(InsertError::Database(source)) => {
                Self::Database { effect: Effect::of_write(source.leaves_outcome_unknown()), source }
            }
        }
    }

    /// The error of a request for the list.
    pub(super) fn reading(rejected: Rejected<Arc<DatabaseError>>) -> Self {
        let effect = Effect::NotRead;
        match rejected {
            Rejected::Full => Self::QueueFull(effect),
            Rejected::Late { .. } => Self::DeadlinePassed(effect),
            Rejected::Lost { .. } => Self::Stopped(effect),
            Rejected::Failed(source) => Self::Database { source, effect },
        }
    }
}

/// The database cannot store the visit's data.
pub static VISIT_REFUSED: Kind = Kind {
    slug: "visit-refused",
    status: 422,
    title: "The visit was refused",
    meaning: "The database cannot store this User-Agent, for example because it contains the character U+0000. \
              Nothing was recorded.",
    retry: Retry::Never,
};

/// What visits report.
pub static KINDS: &[&Kind] = &[&VISIT_REFUSED];

impl Failure for VisitError {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::QueueFull(_) => &QUEUE_FULL,
            Self::DeadlinePassed(_) => &DEADLINE_PASSED,
            Self::Stopped(_) => &STOPPING,
            Self::Refused(_) => &VISIT_REFUSED,
            Self::Database { source, .. } => source.kind(),
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::QueueFull(effect)
            | Self::DeadlinePassed(effect)
            | Self::Stopped(effect)
            | Self::Database { effect, .. } => effect.detail(),
            Self::Refused(_) => "The database cannot store this User-Agent; nothing was recorded.",
        })
    }
}
