//! Random bytes from the kernel, and text made of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};

/// Returns bytes that cannot be guessed.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the kernel gives random bytes");
    bytes
}

/// Returns a text that cannot be guessed and occurs once: 128 bits, for URLs and keys.
pub fn text() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<16>())
}

/// Returns the same in 32 hexadecimal digits, for what takes only letters and digits.
pub fn hex() -> String {
    format!("{:032x}", u128::from_ne_bytes(bytes()))
}
