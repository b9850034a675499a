//! The errors of requests about users, and of proving an identity by a password.

use std::borrow::Cow;
use std::time::Duration;

use causeway_common::http::problem::{FIELDS_REFUSED, Failure, FieldError, Kind, NOT_FOUND, Retry};

use tokio::task::JoinError;

use super::store::EMAIL_INDEX;
use crate::auth::AttemptError;
use crate::database::DatabaseError;

/// Why a request about users failed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Fields are not accepted.
    #[error("fields were refused")]
    Refused(Vec<FieldError>),
    /// Another user has this email.
    #[error("another user has this email")]
    EmailTaken,
    /// There is no such user.
    #[error("there is no such user")]
    NotFound,
    /// The caller is another user.
    #[error("the caller is another user")]
    NotYours,
    /// No user has this email, or the password is wrong.
    #[error("the email or the password is wrong")]
    WrongCredentials,
    /// The present password is missing or wrong.
    #[error("the present password is missing or wrong")]
    WrongPassword,
    /// Too many passwords wait to be hashed.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// A fault ended the task that served the request.
    #[error("the task that served the request has ended")]
    Lost(#[from] JoinError),
    /// The attempt was not admitted.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl UserError {
    /// The error of writing a user.
    pub(super) fn of_write(error: DatabaseError) -> Self {
        if error.violates(EMAIL_INDEX) { Self::EmailTaken } else { Self::Database(error) }
    }
}

/// Another user has this email.
pub static EMAIL_TAKEN: Kind = Kind {
    slug: "email-taken",
    status: 409,
    title: "The email is taken",
    meaning: "A user with this email exists; upper and lower case do not matter. If it is yours, sign in.",
    retry: Retry::Never,
};

/// The caller is another user.
pub static NOT_YOURS: Kind = Kind {
    slug: "not-your-account",
    status: 403,
    title: "Not your account",
    meaning: "Only the user and the bearer of ADMIN_TOKEN may change or delete a user.",
    retry: Retry::Never,
};

/// The email or the password is wrong.
pub static WRONG_CREDENTIALS: Kind = Kind {
    slug: "wrong-credentials",
    status: 401,
    title: "Email or password wrong",
    meaning: "No user has this email and this password. The answer does not say which of them is wrong.",
    retry: Retry::Never,
};

/// The present password is missing or wrong.
pub static WRONG_PASSWORD: Kind = Kind {
    slug: "wrong-password",
    status: 403,
    title: "Present password missing or wrong",
    meaning: "A request that changes an email or a password, or deletes an account, must send the user's present \
              password as currentPassword.",
    retry: Retry::Never,
};

/// Too many passwords wait to be hashed.
pub static PASSWORDS_BUSY: Kind = Kind {
    slug: "passwords-busy",
    status: 503,
    title: "Too many requests are waiting",
    meaning: "Hashing a password deliberately takes time and memory, and too many requests are waiting for it. \
              Nothing was changed.",
    retry: Retry::Later,
};

/// The service failed in the middle.
pub static NOT_FINISHED: Kind = Kind {
    slug: "not-finished",
    status: 500,
    title: "The request was not finished",
    meaning: "A fault of the service ended the request while it checked a password or wrote. Whether something was \
              changed is unknown. The service's log has the cause.",
    retry: Retry::Never,
};

/// What users report.
pub static KINDS: &[&Kind] =
    &[&EMAIL_TAKEN, &NOT_YOURS, &WRONG_CREDENTIALS, &WRONG_PASSWORD, &PASSWORDS_BUSY, &NOT_FINISHED];

impl Failure for UserError {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::Refused(_) => &FIELDS_REFUSED,
            Self::EmailTaken => &EMAIL_TAKEN,
            Self::NotFound => &NOT_FOUND,
            Self::NotYours => &NOT_YOURS,
            Self::WrongCredentials => &WRONG_CREDENTIALS,
            Self::WrongPassword => &WRONG_PASSWORD,
            Self::Busy => &PASSWORDS_BUSY,
            Self::Lost(_) => &NOT_FINISHED,
            Self::Attempt(error) => error.kind(),
            Self::Database(error) => error.kind(),
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        match self {
            Self::Refused(_) => "The errors name the fields that were refused.".into(),
            Self::EmailTaken => "A user with this email exists.".into(),
            Self::NotFound => "There is no user with this id.".into(),
            Self::NotYours => "Only the user and the admin may do this.".into(),
            Self::WrongCredentials => "No user has this email and this password.".into(),
            Self::WrongPassword => "`currentPassword` is missing or is not the present password.".into(),
            Self::Busy => "Too many passwords wait to be hashed. Nothing was changed; try again later.".into(),
            Self::Lost(_) => "The service could not finish; it is unknown whether something was changed.".into(),
            Self::Attempt(error) => error.detail(),
            Self::Database(error) => error.detail(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        if let Self::Refused(fields) = self { fields } else { &[] }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Attempt(error) => error.retry_after(),
            _ => None,
        }
    }
}
