//! What may change of a user, and whether it is accepted.

use causeway_common::http::problem::FieldError;
use secrecy::SecretString;

use super::error::UserError;
use super::fields::{Email, Name};
use super::passwords::Password;
use super::store::Changes;

/// The changes of a user. A field that is `None` does not change.
#[derive(Debug, Default)]
pub struct Change {
    pub email: Option<String>,
    pub password: Option<SecretString>,
    /// An empty one removes the name.
    pub name: Option<String>,
    pub current_password: Option<SecretString>,
}

impl Change {
    /// Checks the changes of the user whose email is `email` now.
    pub(super) fn accept(&self, email: &str) -> Result<(Changes, Option<Password>), UserError> {
        let mut refused = Vec::new();
        let new_email = self.email.as_deref().filter(|new| *new != email);
        let changes = Changes {
            email: new_email.and_then(|email| keep(Email::parse(email), &mut refused)),
            name: self.name.as_deref().and_then(|name| keep(Name::parse(name), &mut refused)),
        };
        let for_email = new_email.unwrap_or(email);
        let password = self.password.as_ref().and_then(|new| keep(Password::chosen(new, for_email), &mut refused));
        if refused.is_empty() { Ok((changes, password)) } else { Err(UserError::Refused(refused)) }
    }
}

/// Returns the field if it is accepted; otherwise adds the reason to `refused`.
pub(super) fn keep<T>(checked: Result<T, FieldError>, refused: &mut Vec<FieldError>) -> Option<T> {
    checked.map_err(|error| refused.push(error)).ok()
}
