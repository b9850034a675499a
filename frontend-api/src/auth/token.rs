//! Session tokens: 256 random bits. The database knows only their hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

const BYTES: usize = 32;
const CHARACTERS: usize = 43;

/// What a client shows to prove who it is.
#[derive(Debug)]
pub struct Token(SecretString);

/// The SHA-256 of a token. A fast hash will do, because nobody can guess a random token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl Token {
    /// Makes a new one.
    pub fn generate() -> Self {
        let mut bytes = [0; BYTES];
        SystemRandom::new().fill(&mut bytes).expect("the kernel gives random bytes");
        Self(URL_SAFE_NO_PAD.encode(bytes).into())
    }

    /// What the database knows of it.
    pub(super) fn hash(&self) -> TokenHash {
        TokenHash(sha256(self.0.expose_secret().as_bytes()))
    }

    /// Its text, for the one answer that hands it out.
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
    pub(super) fn of_row(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes, for SQL.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
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
