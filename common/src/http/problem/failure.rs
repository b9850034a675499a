//! What a feature's error reports about itself, without HTTP's types.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::Kind;

/// An error that can be reported to a caller. It becomes a [`Problem`](super::Problem) in one place.
pub trait Failure: std::error::Error + 'static {
    /// Returns the kind of problem that the caller sees.
    fn kind(&self) -> &'static Kind;

    /// Returns what happened this time and what the caller can do. It must hold no secret and nothing internal.
    fn detail(&self) -> Cow<'_, str>;

    /// Returns the fields of the request that were refused, if single fields are the reason.
    fn fields(&self) -> &[FieldError] {
        &[]
    }

    /// Returns how long the caller should wait before a retry. Without it, a kind with
    /// [`Retry::Later`](super::Retry::Later) says one second.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// Many requests can share one error.
impl<F: Failure> Failure for Arc<F> {
    fn kind(&self) -> &'static Kind {
        self.as_ref().kind()
    }

    fn detail(&self) -> Cow<'_, str> {
        self.as_ref().detail()
    }

    fn fields(&self) -> &[FieldError] {
        self.as_ref().fields()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.as_ref().retry_after()
    }
}

/// A field of the request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The name of the field.
    #[schema(value_type = String, example = "email")]
    pub field: Cow<'static, str>,
    /// What is wrong with its value; never the value itself.
    #[schema(value_type = String, example = "is not an email address")]
    pub detail: Cow<'static, str>,
}

impl FieldError {
    /// Says that `field` was refused because of `detail`.
    pub fn new(field: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}
