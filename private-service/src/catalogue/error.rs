//! Why there is no record to send.

use std::borrow::Cow;

use causeway_common::http::problem::{Failure, Kind, NOT_FOUND, Retry};

/// The id in the path is not a number.
pub static BAD_ID: Kind = Kind {
    slug: "bad-id",
    status: 400,
    title: "Bad id",
    meaning: "The last part of the path is not an id. An id is a whole number greater than 0.",
    retry: Retry::Never,
};

/// What the catalogue reports.
pub static KINDS: &[&Kind] = &[&BAD_ID];

#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("the id is not a number")]
    BadId,
    #[error("{part} have no such id")]
    Unknown { part: &'static str },
}

impl Failure for CatalogueError {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::BadId => &BAD_ID,
            Self::Unknown { .. } => &NOT_FOUND,
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        match self {
            Self::BadId => BAD_ID.meaning.into(),
            Self::Unknown { part } => format!("No record has this id; /api/{part} lists all.").into(),
        }
    }
}
