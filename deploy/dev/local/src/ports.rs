//! Free TCP ports of this machine.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
#[cfg(target_os = "linux")]
use std::os::{linux::net::SocketAddrExt, unix::net};

/// Below what Linux (32768) and macOS (49152) hand to outgoing connections: a port from here that is free for a moment,
/// such as that of a server being restarted, is not taken by another program's connection meanwhile.
const RANGE: std::ops::Range<u16> = 15_000..32_000;
const TRIES: usize = 100;

/// A free port of 127.0.0.1, chosen at random so that processes starting together rarely meet. On Linux no other caller gets
/// it until this process ends: on a busy machine, seconds pass until a server listens there.
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
        .find(|&port| is_free(port) && reserve(port))
        .ok_or_else(|| {
            let message = format!("no free port found between {} and {}", RANGE.start, RANGE.end);
            io::Error::new(io::ErrorKind::AddrInUse, message)
        })
}

/// Whether `port` of 127.0.0.1 can be listened on now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Keeps the port from other callers, by a socket without a file that the kernel closes when this process ends.
#[cfg(target_os = "linux")]
fn reserve(port: u16) -> bool {
    static RESERVED: std::sync::Mutex<Vec<net::UnixListener>> = std::sync::Mutex::new(Vec::new());
    let listen = |name: String| net::UnixListener::bind_addr(&net::SocketAddr::from_abstract_name(name)?);
    let reservation = listen(format!("causeway/port/{port}"));
    reservation.is_ok_and(|socket| {
        RESERVED.lock().expect("no holder of this lock can panic").push(socket);
        true
    })
}

#[cfg(not(target_os = "linux"))]
fn reserve(_: u16) -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once() {
        let port = free().expect("a free port");
        assert!(is_free(port));
        assert!(!reserve(port));
    }
}
