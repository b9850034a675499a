//! What the kernel knows of a connection (`TCP_INFO`), read through netlink's socket diagnostics.
//!
//! `getsockopt` would need unsafe code: no crate in use offers `TCP_INFO`. If the kernel lacks the module `tcp_diag`, or
//! the system is not Linux, the kernel's figures are missing, and nothing is concluded.

use std::net::{IpAddr, SocketAddr};

use crate::doctor::causes::{Cause, HIGH_LATENCY, MTU_HOLE, PACKETS_LOST, STALLED};
use crate::doctor::stage::StageName;

/// Microseconds; a round trip so slow that stages of several do not end in time.
const SLOW: u32 = 300_000;
/// Bytes. Packets of this size pass any network, and TCP never sends longer ones by itself before data.
const SMALL: u64 = 536;

/// Both ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(in crate::doctor) struct Ends {
    pub(in crate::doctor) local: SocketAddr,
    pub(in crate::doctor) remote: SocketAddr,
}

/// What the kernel knows of a connection. Times are in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::doctor) struct Witness {
    rtt: u32,
    path_mtu: u32,
    retransmits: u32,
    /// Segments that are sent and not acknowledged.
    unacknowledged: u32,
    /// Their bytes.
    outstanding: u64,
    received: u64,
    /// Segments that came after one that did not.
    out_of_order: u32,
}

impl Witness {
    /// Returns what it shows, for people.
    pub(in crate::doctor) fn describe(&self) -> String {
        let Self { rtt, path_mtu, retransmits, received, outstanding, .. } = self;
        format!(
            "kernel: round trip {:.1} ms, {retransmits} retransmits, {outstanding} bytes unacknowledged, {received} bytes \
             received, path MTU {path_mtu}",
            f64::from(*rtt) / 1e3
        )
    }

    /// Returns how many bytes have been received.
    pub(in crate::doctor) fn received(&self) -> u64 {
        self.received
    }

    /// Returns why a stage did not end in time, if that is seen here. `before` is what had been received at its begin.
    pub(in crate::doctor) fn cause(&self, stage: StageName, before: Option<u64>) -> Option<&'static Cause> {
        let is_lost = self.unacknowledged > 0 && self.retransmits > 0;
        let is_begun = before.is_some_and(|before| self.received > before);
        match stage {
            _ if is_lost && self.outstanding > SMALL => Some(&MTU_HOLE),
            _ if is_lost => Some(&PACKETS_LOST),
            _ if self.out_of_order > 0 => Some(&MTU_HOLE),
            _ if self.rtt >= SLOW => Some(&HIGH_LATENCY),
            // A statement that waits for a lock has been acknowledged by the answers to those before it.
            StageName::Tls | StageName::Authentication if is_begun => Some(&STALLED),
            _ => None,
        }
    }
}

/// Asks the kernel about a connection of this network namespace.
#[cfg(target_os = "linux")]
pub(in crate::doctor) fn look(ends: Ends) -> Option<Witness> {
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let diag = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkSockDiag).ok()?;
    // The kernel answers within the call, so the socket never has to wait.
    send(diag.as_raw_fd(), &request(ends), MsgFlags::empty()).ok()?;
    let mut answer = [0; 8192];
    let count = recv(diag.as_raw_fd(), &mut answer, MsgFlags::empty()).ok()?;
    read(answer.get(..count)?)
}

#[cfg(not(target_os = "linux"))]
pub(in crate::doctor) fn look(_: Ends) -> Option<Witness> {
    None
}

const HEADER: usize = 16;
/// `SOCK_DIAG_BY_FAMILY`
const BY_FAMILY: u16 = 20;
/// `INET_DIAG_INFO`, as an attribute; as a wish it is the bit before.
const INFO: u16 = 2;
const LENGTH_OF_INET_DIAG_MSG: usize = 72;

/// `nlmsghdr` and `inet_diag_req_v2` of `linux/inet_diag.h`.
fn request(Ends { local, remote }: Ends) -> Vec<u8> {
    const REQUEST: u16 = 1;
    const TCP: u8 = 6;
    let family = if local.is_ipv4() { 2 } else { 10 };
    let mut body = vec![family, TCP, 1 << (INFO - 1), 0];
    body.extend(u32::MAX.to_ne_bytes());
    body.extend(local.port().to_be_bytes());
    body.extend(remote.port().to_be_bytes());
    for address in [local.ip(), remote.ip()] {
        match address {
            IpAddr::V4(v4) => body.extend([&v4.octets()[..], &[0; 12]].concat()),
            IpAddr::V6(v6) => body.extend(v6.octets()),
        }
    }
    body.extend(0_u32.to_ne_bytes());
    // No cookie.
    body.extend([0xff; 8]);
    let length = u32::try_from(HEADER + body.len()).expect("a short message");
    let head = [&length.to_ne_bytes()[..], &BY_FAMILY.to_ne_bytes(), &REQUEST.to_ne_bytes(), &[1, 0, 0, 0], &[0; 4]];
    [head.concat(), body].concat()
}

/// Reads `tcp_info` of `linux/tcp.h` out of the kernel's message.
fn read(message: &[u8]) -> Option<Witness> {
    let kind = u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?);
    if kind != BY_FAMILY {
        return None;
    }
    let mut attributes = message.get(HEADER + LENGTH_OF_INET_DIAG_MSG..)?;
    while let Some(head) = attributes.get(..4) {
        let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        if u16::from_ne_bytes([head[2], head[3]]) == INFO {
            return witness(attributes.get(4..length)?);
        }
        attributes = attributes.get(length.max(4).next_multiple_of(4)..)?;
    }
    None
}

fn witness(info: &[u8]) -> Option<Witness> {
    let word = |at: usize| Some(u32::from_ne_bytes(info.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_ne_bytes(info.get(at..at + 8)?.try_into().ok()?));
    let (sent, again, acknowledged) = (long(200)?, long(208)?, long(120)?);
    Some(Witness {
        rtt: word(68)?,
        path_mtu: word(60)?,
        retransmits: word(100)?,
        unacknowledged: word(24)?,
        // The kernel counts the SYN as an acknowledged byte.
        outstanding: sent.saturating_sub(again).saturating_sub(acknowledged.saturating_sub(1)),
        received: long(128)?,
        out_of_order: word(224)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figures_tell_loss_large_packets_latency_and_a_stall_from_silence() {
        let calm = Witness { rtt: 900, path_mtu: 1500, ..Witness::default() };
        let lost = Witness { unacknowledged: 1, retransmits: 3, outstanding: 8, ..calm };
        let rows = [
            ("nothing came, ours arrived", calm, None),
            ("a small packet is lost", lost, Some(&PACKETS_LOST)),
            ("a large packet is lost", Witness { outstanding: 1400, ..lost }, Some(&MTU_HOLE)),
            ("theirs came with a gap", Witness { out_of_order: 1, received: 400, ..calm }, Some(&MTU_HOLE)),
            ("a slow way", Witness { rtt: 800_000, ..calm }, Some(&HIGH_LATENCY)),
            ("it began", Witness { received: 31, ..calm }, Some(&STALLED)),
            ("it spoke before this stage", Witness { received: 30, ..calm }, None),
            ("a retransmit that was acknowledged", Witness { retransmits: 2, ..calm }, None),
        ];
        for (what, witness, expected) in rows {
            let found = witness.cause(StageName::Authentication, Some(30));
            assert_eq!(found.map(|cause| cause.code), expected.map(|cause: &Cause| cause.code), "{what}");
        }
        let begun = Witness { received: 31, ..calm };
        assert!(begun.cause(StageName::Query, Some(30)).is_none(), "a lock is no stall");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_knows_what_a_connection_has_received() {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"twelve bytes").unwrap();
        client.read_exact(&mut [0; 12]).unwrap();
        let ends = Ends { local: client.local_addr().unwrap(), remote: client.peer_addr().unwrap() };
        // Some kernels have no socket diagnostics; then there is no witness.
        if let Some(witness) = look(ends) {
            assert_eq!((witness.received, witness.outstanding, witness.retransmits), (12, 0, 0), "{witness:?}");
            assert!(witness.path_mtu > 1000, "{witness:?}");
        }
        drop(client);
    }
}
