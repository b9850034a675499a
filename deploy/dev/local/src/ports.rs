//! Free TCP ports of this machine.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// Below what Linux (32768) and macOS (49152) hand to outgoing connections: a port from here that is free for a moment,
/// such as that of a server being restarted, is not taken by another program's connection meanwhile.
const RANGE: std::ops::Range<u16> = 15_000..32_000;
const TRIES: usize = 100;

/// A port of 127.0.0.1 that nobody listens on, chosen at random so that processes starting together rarely meet.
///
/// # Errors
/// When a hundred ports in a row are taken.
pub fn free() -> io::Result<u16> {
    let random = RandomState::new();
    (0..TRIES)
        .map(|attempt| {
            let offset = random.hash_one(attempt) % u64::from(RANGE.end - RANGE.start);
            RANGE.start + u16::try_from(offset).expect("an offset within a range of u16 is a u16")
        })
        .find(|&port| is_free(port))
        .ok_or_else(|| {
            let message = format!("no free port found between {} and {}", RANGE.start, RANGE.end);
            io::Error::new(io::ErrorKind::AddrInUse, message)
        })
}

/// Whether `port` of 127.0.0.1 can be listened on now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
