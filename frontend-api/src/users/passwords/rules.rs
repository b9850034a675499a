//! Which passwords are accepted.

use causeway_common::http::problem::FieldError;
use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

/// Bytes before normalization, which can lengthen a text.
const LONGEST_RAW: usize = 1024;
const SHORTEST: usize = 8;
const LONGEST: usize = 128;
/// A shorter local part is in too many passwords by chance.
const SHORTEST_LOCAL_PART: usize = 4;
/// In lower case. Those with fewer than eight characters are refused anyway.
const COMMON: &str = include_str!("common-passwords.txt");

/// A password in a form that does not depend on how it was typed (NFKC).
#[derive(Debug, Clone)]
pub(in crate::users) struct Password(SecretString);

impl Password {
    /// Accepts a new password of the user with this email.
    pub(in crate::users) fn chosen(text: &SecretString, email: &str) -> Result<Self, FieldError> {
        let refused = |why| Err(FieldError::new("password", why));
        let Some(password) = normalize(text) else { return refused("is too long") };
        let plain = password.0.expose_secret();
        let lower = plain.to_lowercase();
        let local = email.rsplit_once('@').map_or(email, |(local, _)| local).to_lowercase();
        // As it is typed and as it is kept: `ﬀ` becomes two characters, and an accent may join its letter.
        let (typed, kept) = (text.expose_secret().chars().count(), plain.chars().count());
        if typed.min(kept) < SHORTEST {
            return refused("has fewer than 8 characters");
        }
        match typed.max(kept) {
            ..=LONGEST if plain.contains('\0') => refused("contains the character U+0000"),
            ..=LONGEST if COMMON.lines().any(|common| common == lower) => {
                refused("is one of the most common passwords")
            }
            ..=LONGEST if local.chars().count() >= SHORTEST_LOCAL_PART && lower.contains(&local) => {
                refused("contains the part of your email before the @")
            }
            ..=LONGEST => Ok(password),
            _ => refused("has more than 128 characters"),
        }
    }

    /// Returns a password to be compared with a hash, and whether it can be a password at all.
    pub(super) fn presented(text: &SecretString) -> (Self, bool) {
        normalize(text).map_or_else(|| (Self(SecretString::default()), false), |password| (password, true))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

fn normalize(text: &SecretString) -> Option<Password> {
    let text = text.expose_secret();
    (text.len() <= LONGEST_RAW).then(|| Password(text.nfkc().collect::<String>().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(password: &str, email: &str) -> Option<String> {
        Password::chosen(&password.into(), email).err().map(|error| error.detail.into_owned())
    }

    #[test]
    fn passwords_that_are_short_long_common_or_named_after_the_email_are_refused() {
        let long = "ä".repeat(129);
        let table = [
            ("correct horse", "jane@example.com", None),
            ("12345678901", "jane@example.com", Some("is one of the most common passwords")),
            ("PassWord1", "jane@example.com", Some("is one of the most common passwords")),
            ("ｐａｓｓｗｏｒｄ", "jane@example.com", Some("is one of the most common passwords")),
            ("1234567", "jane@example.com", Some("has fewer than 8 characters")),
            ("ﬀﬀﬀﬀ", "jane@example.com", Some("has fewer than 8 characters")),
            ("äöüäöüä", "jane@example.com", Some("has fewer than 8 characters")),
            (&long[..256], "jane@example.com", None),
            (&long, "jane@example.com", Some("has more than 128 characters")),
            (&"a".repeat(1025), "jane@example.com", Some("is too long")),
            ("i am Jane of the hill", "jane@example.com", Some("contains the part of your email before the @")),
            ("i am Joe of the hill", "joe@example.com", None),
            ("nothing\0here", "jane@example.com", Some("contains the character U+0000")),
            ("日本語日本語日本", "jane@example.com", None),
            ("        ", "jane@example.com", None),
        ];
        for (password, email, expected) in table {
            assert_eq!(refusal(password, email).as_deref(), expected, "{password}");
        }
    }

    #[test]
    fn two_ways_to_type_a_letter_are_one_password() {
        let of = |text: &str| Password::chosen(&text.into(), "").unwrap().bytes().to_vec();
        assert_eq!(of("a\u{308}pfelkuchen"), of("\u{e4}pfelkuchen"));
    }

    #[test]
    fn the_list_has_only_what_the_comparison_can_meet() {
        assert_eq!(COMMON.lines().count(), 8354);
        for common in COMMON.lines() {
            assert!(common.chars().count() >= SHORTEST && common == common.to_lowercase(), "{common}");
        }
    }
}
