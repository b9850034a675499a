//! Session tokens: 256 random bits. The database knows only their hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_common::random;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

use crate::database::{Key, KeyOfRow};

const BYTES: usize = 32;
const CHARACTERS: usize = 43;

/// What a client shows to prove who it is.
#[derive(Debug)]
pub struct Token(SecretString);

/// The SHA-256 of a token. A fast hash is enough, because a random token cannot be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl Token {
    /// Makes a new one.
    pub fn generate() -> Self {
        Self(URL_SAFE_NO_PAD.encode(random::bytes::<BYTES>()).into())
    }

    /// Returns the hash, which is all that the database has.
    pub(super) fn hash(&self) -> TokenHash {
        TokenHash(sha256(self.0.expose_secret().as_bytes()))
    }

    /// Returns its text, for the one answer that contains it.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl TokenHash {
    /// Returns the hash of `text` if it has the form of a token.
    pub fn of(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let fits = text.len() == CHARACTERS && text.bytes().all(plain);
        fits.then(|| Self(sha256(text.as_bytes())))
    }

    /// The hash of a row.
    pub(super) fn of_row(KeyOfRow(bytes): KeyOfRow) -> Self {
        Self(bytes)
    }

    /// The same, for SQL.
    pub(super) fn key(&self) -> Key<'_> {
        Key(&self.0)
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_form_of_a_token_is_hashed() {
        let token = Token::generate();
        let text = token.secret().expose_secret();
        assert!(TokenHash::of(text).is_some());
        assert_ne!(TokenHash::of(text), TokenHash::of(Token::generate().secret().expose_secret()));
        for wrong in [&text[1..], &format!("{text}a"), &format!("{}=", &text[1..]), &format!("{}\0", &text[1..]), ""] {
            assert_eq!(TokenHash::of(wrong), None, "{wrong}");
        }
        assert!(!format!("{token:?}").contains(text));
    }
}
