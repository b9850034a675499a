//! When the password of the database's user expires: a server does not say so to those whom it refuses.

use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use crate::doctor::causes::{PASSWORD_EXPIRED, PASSWORD_REFUSED};
use crate::doctor::report::CheckReport;
use crate::doctor::times::seconds;

/// What the newest log-in of this process has read: the user, and the end of its password's validity.
#[derive(Default)]
pub(super) struct Expiry(Mutex<Option<(String, OffsetDateTime)>>);

impl Expiry {
    pub(super) fn note(&self, user: &str, until: Option<OffsetDateTime>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until.map(|until| (user.to_owned(), until));
    }

    /// Names the reason if the password was refused because it has expired.
    pub(super) fn explain(&self, check: &mut CheckReport, user: &str) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, until)) = known.as_ref().filter(|(known, _)| known == user)
            && *until <= OffsetDateTime::now_utc()
        {
            let seen = format!("the password of {user} was valid until {}", seconds(*until));
            check.blame(&PASSWORD_REFUSED, &PASSWORD_EXPIRED, Some(&seen));
        }
    }
}
