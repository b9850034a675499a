//! The kernel's view of TCP connections on this machine (IPv4): what a process has accepted and read.

const ESTABLISHED: &str = "01";
/// Closed by the other side and not yet by ours.
const CLOSE_WAIT: &str = "08";

use crate::helpers::App;

/// One end of an open connection.
pub struct Socket {
    pub local_port: u16,
    pub remote_port: u16,
    /// False while the kernel holds it for a listener that has not asked for it.
    pub accepted: bool,
    /// Bytes that have arrived and that nobody has read.
    pub unread: u32,
}

pub fn open() -> Vec<Socket> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().skip(1).filter_map(parse).collect()
}

fn parse(line: &str) -> Option<Socket> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let port = |field: &str| u16::from_str_radix(field.split(':').nth(1)?, 16).ok();
    [ESTABLISHED, CLOSE_WAIT].contains(fields.get(3)?).then_some(())?;
    Some(Socket {
        local_port: port(fields[1])?,
        remote_port: port(fields[2])?,
        unread: u32::from_str_radix(fields[4].split(':').nth(1)?, 16).ok()?,
        accepted: *fields.get(9)? != "0",
    })
}

/// Whether the service has taken at least so many connections from the kernel, with all that was sent on them.
pub fn all_requests_read(app: &App, connections: usize) -> bool {
    let port = app.service.address().port();
    let sockets: Vec<_> = open().into_iter().filter(|socket| socket.local_port == port).collect();
    sockets.len() >= connections && sockets.iter().all(|socket| socket.accepted && socket.unread == 0)
}
