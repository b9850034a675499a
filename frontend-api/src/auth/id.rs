//! The ids of users, sessions and diaries: numbers from 1.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// The id of a row.
            pub fn of_row(id: i64) -> Self {
                Self(id)
            }

            /// The number, for SQL.
            pub fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
                let id = if plain { text.parse().ok() } else { None };
                id.map(Self).ok_or(NotAnId)
            }
        }
    )*};
}

ids! {
    /// A user.
    UserId;
    /// A session, as its user sees it. It is no secret.
    SessionId;
    /// A diary.
    DiaryId;
}

/// A text is no id.
#[derive(Debug)]
pub struct NotAnId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_way_to_write_a_number_from_1_is_an_id() {
        for text in ["1", "42", "9223372036854775807"] {
            assert_eq!(text.parse::<UserId>().unwrap().to_string(), text);
        }
        for text in ["", "0", "01", "-1", "+1", "1.0", " 1", "9223372036854775808", "current", "１"] {
            assert!(text.parse::<UserId>().is_err(), "{text}");
        }
    }
}
