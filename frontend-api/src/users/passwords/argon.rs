//! Argon2id in memory that the caller provides.

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use causeway_common::random;
use secrecy::{ExposeSecret, SecretString};

use super::rules::Password;

const BYTES: usize = 32;
const SALT: usize = 16;
/// Our hashes never need more, so a wrong row cannot use all memory.
const MOST_BLOCKS: usize = 64 * 1024;

/// Memory for one hash at a time. It grows at its first use.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    #[cfg(test)]
    pub(super) fn is_used(&self) -> bool {
        !self.0.is_empty()
    }

    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.0 = Vec::new();
            self.0 = vec![Block::new(); count];
        }
        &mut self.0[..count]
    }
}

/// OWASP's minimum: 19 MiB, two passes, one lane.
fn params() -> Params {
    Params::new(19_456, 2, 1, Some(BYTES)).expect("these parameters are valid")
}

/// Returns the hash as a PHC string, with a new salt.
pub(super) fn hash(password: &Password, memory: &mut Memory) -> SecretString {
    let (params, salt) = (params(), random::bytes::<SALT>());
    let output = compute(password, &salt, &params, memory).expect("our own parameters are valid");
    phc(&params, &salt, &output)
}

/// Returns whether the password has this hash, or `None` without any work if the hash can't be read.
pub(super) fn verify(password: &Password, hash: &SecretString, memory: &mut Memory) -> Option<bool> {
    let stored = PasswordHash::new(hash.expose_secret()).ok()?;
    let (salt, expected, params) = (stored.salt?, stored.hash?, Params::try_from(&stored).ok()?);
    let computed = Output::new(&compute(password, salt.as_ref(), &params, memory)?).ok()?;
    // This comparison takes constant time.
    Some(computed == expected)
}

/// Returns whether the hash was made with other parameters than today's.
pub(super) fn is_outdated(hash: &SecretString) -> bool {
    let today = ParamsString::try_from(params()).expect("our own parameters are valid");
    PasswordHash::new(hash.expose_secret()).is_ok_and(|hash| hash.params != today)
}

/// Returns a hash of the same cost that no password has.
pub(super) fn unmatched() -> SecretString {
    phc(&params(), &random::bytes::<SALT>(), &random::bytes::<BYTES>())
}

fn compute(password: &Password, salt: &[u8], params: &Params, memory: &mut Memory) -> Option<[u8; BYTES]> {
    let count = params.block_count();
    if count > MOST_BLOCKS || params.output_len().is_some_and(|length| length != BYTES) {
        return None;
    }
    let mut output = [0; BYTES];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon.hash_password_into_with_memory(password.bytes(), salt, &mut output, memory.blocks(count)).ok()?;
    Some(output)
}

fn phc(params: &Params, salt: &[u8], output: &[u8]) -> SecretString {
    let hash = PasswordHash {
        algorithm: Ident::new("argon2id").expect("it is an identifier"),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).expect("our own parameters are valid"),
        salt: Some(Salt::new(salt).expect("16 bytes are a salt")),
        hash: Some(Output::new(output).expect("32 bytes are an output")),
    };
    hash.to_string().into()
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;

    use super::*;

    fn password(text: &str) -> Password {
        Password::presented(&text.into()).0
    }

    #[test]
    fn a_hash_is_the_one_that_any_argon2_verifies() {
        let mut memory = Memory::default();
        let hash = hash(&password("correct horse"), &mut memory);
        assert!(hash.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose_secret());
        let parsed = PasswordHash::new(hash.expose_secret()).unwrap();
        Argon2::default().verify_password(b"correct horse", &parsed).unwrap();
        assert_eq!(verify(&password("correct horse"), &hash, &mut memory), Some(true));
        assert_eq!(verify(&password("correct horsf"), &hash, &mut memory), Some(false));
        assert!(!is_outdated(&hash));
    }

    #[test]
    fn hashes_of_other_parameters_are_verified_and_outdated() {
        let mut memory = Memory::default();
        let weak = Params::new(1024, 1, 1, Some(BYTES)).unwrap();
        let output = compute(&password("correct horse"), b"0123456789abcdef", &weak, &mut memory).unwrap();
        let hash = phc(&weak, b"0123456789abcdef", &output);
        assert_eq!(verify(&password("correct horse"), &hash, &mut memory), Some(true));
        assert!(is_outdated(&hash));
    }

    #[test]
    fn a_text_that_is_no_hash_of_ours_cannot_be_compared() {
        let mut memory = Memory::default();
        for text in ["", "plain", "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$2b$12$x"]
        {
            assert_eq!(verify(&password("plain"), &text.into(), &mut memory), None, "{text}");
        }
        assert_eq!(verify(&password("plain"), &unmatched(), &mut memory), Some(false));
    }
}
