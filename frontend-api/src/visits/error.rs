//! Why a visit was not recorded or the list not read.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use causeway_common::http::problem::Problem;

use crate::database::DatabaseError;

const RETRY_AFTER: Duration = Duration::from_secs(1);

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

impl From<VisitError> for Problem {
    fn from(error: VisitError) -> Self {
        let unavailable = |slug, title, detail| {
            Self::new(StatusCode::SERVICE_UNAVAILABLE, slug, title, detail).retry_after(RETRY_AFTER).caused_by(&error)
        };
        match &error {
            VisitError::QueueFull => {
                unavailable("queue-full", "Too many requests wait", "Nothing was recorded; try again later.")
            }
            VisitError::DeadlinePassed => unavailable(
                "deadline-passed",
                "The database is slow",
                "The database did not answer in time. Whether a write took effect is unknown; try again later.",
            ),
            VisitError::Stopped => {
                unavailable("stopping", "Shutting down", "Nothing was recorded; try again, another instance answers.")
            }
            VisitError::Database(error) => Self::from(&**error),
            VisitError::Refused(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "visit-refused",
                "The visit was refused",
                "The database can't store this User-Agent; nothing was recorded.",
            )
            .caused_by(&error),
        }
    }
}
