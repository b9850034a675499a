//! What can go wrong with sessions.

use std::borrow::Cow;

use causeway_common::http::problem::{Failure, Kind, NOT_FOUND};

use crate::database::DatabaseError;

/// Why a session was not ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The caller has no session with this id.
    #[error("the caller has no such session")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Failure for SessionError {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::NotFound => &NOT_FOUND,
            Self::Database(error) => error.kind(),
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        match self {
            Self::NotFound => "You have no session with this id.".into(),
            Self::Database(error) => error.detail(),
        }
    }
}
