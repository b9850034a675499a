//! The rules for emails and names.

use std::fmt;

use causeway_common::http::problem::FieldError;

const LONGEST_EMAIL: usize = 254;
const LONGEST_LOCAL_PART: usize = 64;
const LONGEST_LABEL: usize = 63;
const LONGEST_NAME: usize = 100;

/// An email address, as it was written.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Email(String);

/// The name of a user; empty if the user has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(String);

impl Email {
    /// Accepts what HTML's `<input type=email>` accepts, within the lengths of RFC 5321. Only ASCII, because other letters can
    /// look the same.
    pub(super) fn parse(text: &str) -> Result<Self, FieldError> {
        let (local, domain) = text.rsplit_once('@').unwrap_or_default();
        let local_fits = (1..=LONGEST_LOCAL_PART).contains(&local.len()) && local.bytes().all(is_local);
        let domain_fits = domain.contains('.') && domain.split('.').all(is_label);
        if local_fits && domain_fits && text.len() <= LONGEST_EMAIL {
            return Ok(Self(text.to_owned()));
        }
        Err(FieldError::new("email", "is not an email address in ASCII, such as name@example.com"))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Emails must not be logged.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email")
    }
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

fn is_label(label: &str) -> bool {
    (1..=LONGEST_LABEL).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl Name {
    /// Accepts any text without characters that change how text is displayed, and removes spaces around it.
    pub(super) fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        if text.chars().count() > LONGEST_NAME {
            return Err(FieldError::new("name", format!("is longer than {LONGEST_NAME} characters")));
        }
        if text.chars().any(|c| c.is_control() || turns_text(c)) {
            return Err(FieldError::new("name", "contains a character that changes how text is displayed"));
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Embeddings, overrides and isolates of Unicode's bidirectional algorithm.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the email as others see it: `j…@example.com`.
pub(super) fn mask(email: &str) -> String {
    let (local, domain) = email.rsplit_once('@').unwrap_or_default();
    let first: String = local.chars().take(1).collect();
    format!("{first}…@{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_those_that_browsers_accept_with_a_domain_in_ascii() {
        let longest = format!("{}@{}.{}.{}", "a".repeat(64), "b".repeat(63), "c".repeat(63), "d".repeat(61));
        assert_eq!(longest.len(), 254);
        for email in ["a@b.c", "Jane.Doe+tag@Example.COM", "o'hara@x-y.example", "!#$%@1.2", &longest] {
            assert_eq!(Email::parse(email).unwrap().as_str(), email);
        }
        let label = format!("a@{}.c", "b".repeat(64));
        let local = format!("{}@b.c", "a".repeat(65));
        for email in [
            "",
            "a",
            "@",
            "a@",
            "@b.c",
            "a@b",
            "a@b..c",
            "a@.b",
            "a@b.",
            "a@-b.c",
            "a@b-.c",
            "a b@c.d",
            "a@b.c ",
            "a@b@c.d",
            "a\0@b.c",
            "a@b.c\n",
            "\u{430}@b.c",
            "a@b.\u{441}om",
            "a@[1.2.3.4]",
            "\"a b\"@c.d",
            &label,
            &local,
            &format!("{longest}d"),
        ] {
            assert!(Email::parse(email).is_err(), "{email:?}");
        }
    }

    #[test]
    fn a_name_is_any_text_that_does_not_control_how_text_is_shown() {
        let name = |text| Name::parse(text).map(|name| name.0);
        let (longest, longer) = ("ä".repeat(100), "ä".repeat(101));
        for text in ["J", "Žofie Ťažká", "王小明", "👩‍👩‍👧", "O'Hara <b>", &longest] {
            assert_eq!(name(text).unwrap(), text);
        }
        assert_eq!(name(" Jane ").unwrap(), "Jane");
        for blank in ["", "  ", "\u{3000}"] {
            assert_eq!(name(blank).unwrap(), "", "{blank:?}");
        }
        for text in ["a\0b", "a\nb", "\u{1b}[31m", "\u{202e}gpj", "\u{2066}a", "a\u{85}b", "a\u{9b}b", &longer] {
            assert!(name(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_masked_email_shows_its_first_letter_and_its_domain() {
        for (email, masked) in [("jane@example.com", "j…@example.com"), ("j@example.com", "j…@example.com")] {
            assert_eq!(mask(email), masked);
        }
    }
}
