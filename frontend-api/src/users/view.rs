//! Users as the API shows them.

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use utoipa::ToSchema;

use super::fields::mask;
use super::store::User;
use crate::auth::{Caller, UserId};

const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// What was done, and the result.
#[derive(Serialize, ToSchema)]
pub struct Answer<T> {
    /// The result.
    pub data: T,
    /// What was done.
    #[schema(example = "created")]
    pub message: &'static str,
}

/// UTC to the millisecond, such as `2026-11-21T09:12:20.100Z`.
#[derive(Debug, Clone, Copy)]
pub struct Timestamp(pub OffsetDateTime);

impl User {
    /// The email as `caller` may see it.
    pub fn email_for(&self, caller: Caller) -> String {
        let whole = match caller {
            Caller::Admin => true,
            Caller::User(session) => session.user == self.id,
        };
        if whole { self.email.clone() } else { mask(&self.email) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let utc = self.0.to_offset(time::UtcOffset::UTC);
        serializer.serialize_str(&utc.format(TIMESTAMP).map_err(serde::ser::Error::custom)?)
    }
}

/// A user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub struct ShownUser {
    id: UserId,
    /// Other users see only its first letter and its domain.
    #[schema(example = "jane@example.com")]
    email: String,
    /// Null if the user gave none.
    name: Option<String>,
    /// UTC.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// UTC.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl ShownUser {
    /// As the user sees it, and the admin.
    pub fn whole(user: User) -> Self {
        let (created_at, updated_at) = (Timestamp(user.created_at), Timestamp(user.updated_at));
        Self { id: user.id, email: user.email, name: user.name, created_at, updated_at }
    }

    /// As `caller` sees it.
    pub fn to(caller: Caller, user: User) -> Self {
        Self { email: user.email_for(caller), ..Self::whole(user) }
    }
}
