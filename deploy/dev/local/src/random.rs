//! Random text for passwords and names.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;

/// 32 random hexadecimal digits from the system: good for a password, safe in a URL and in SQL.
///
/// # Errors
/// When the system has no source of randomness.
pub fn hex() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(String::with_capacity(32), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String never fails");
        text
    }))
}
