//! TCP: dial every address of a name, because the driver would report only the last one's error.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use causeway_common::http::access::is_public;
use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{is_out_of_descriptors, timed_out};
use crate::doctor::causes::{
    Cause, NO_DESCRIPTORS, NO_IPV6_ROUTE, NO_LOCAL_PORT, NO_ROUTE, PUBLIC_REFUSED, REFUSED, SLOW_HOP,
    SOME_ADDRESSES_FAIL,
};
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found};

/// One SYN and its first repetition, which the kernel sends after 1 s.
const DIAL_LIMIT: Duration = Duration::from_millis(1500);

/// A connection that took so long works, and deserves a look. The first repetition of a lost SYN comes after 1 s.
const SLOW: Duration = Duration::from_millis(500);

/// For the whole stage; all addresses are dialled side by side.
pub(in crate::doctor) const STAGE_LIMIT: Duration = Duration::from_secs(2);

/// A connection to one of the addresses.
pub(in crate::doctor) async fn connect(addresses: &[SocketAddr], subject: &Subject) -> Result<Found<TcpStream>, Fault> {
    let dialled = join_all(addresses.iter().map(|&address| async move {
        let result = timeout(DIAL_LIMIT, dial(address)).await;
        (address, result.unwrap_or_else(|elapsed| Err(elapsed.into())))
    }))
    .await;
    let mut connected = Vec::new();
    let mut failed = Vec::new();
    for (address, result) in dialled {
        match result {
            Ok(stream) => connected.push((address, stream)),
            Err(error) => failed.push((address, error)),
        }
    }
    // A name's IPv6 addresses are often beyond a VPC's routes; the service gets by with IPv4 as we do.
    let serious = |(address, _): &&(SocketAddr, io::Error)| address.is_ipv4();
    if connected.is_empty() {
        let (address, error) = failed.iter().find(serious).or(failed.first()).expect("a name resolves to some address");
        return Err(Fault::new(cause(*address, error, subject), describe(&failed)));
    }
    let slowest = connected.iter().map(|(_, (_, took))| *took).max().unwrap_or_default();
    let reached = format!("connected to {}", super::list(connected.iter().map(|(address, _)| address)));
    let (_, (stream, _)) = connected.swap_remove(0);
    if failed.iter().any(|pair| serious(&pair)) {
        let fault = Fault::new(&SOME_ADDRESSES_FAIL, format!("{reached}; {}", describe(&failed)));
        return Ok(Found::warning(stream, fault));
    }
    if slowest >= SLOW {
        let fault = Fault::new(&SLOW_HOP, format!("{reached} after {} ms", slowest.as_millis()));
        return Ok(Found::warning(stream, fault));
    }
    Ok(Found::new(stream, reached))
}

async fn dial(address: SocketAddr) -> io::Result<(TcpStream, Duration)> {
    let began = Instant::now();
    let stream = TcpStream::connect(address).await?;
    let took = began.elapsed();
    // As the service's own driver does: otherwise a login waits 40 ms for an acknowledgement.
    stream.set_nodelay(true)?;
    Ok((stream, took))
}

fn cause(address: SocketAddr, error: &io::Error, subject: &Subject) -> &'static Cause {
    /// What Linux answers for a blackhole route.
    const EINVAL: i32 = 22;
    match error.kind() {
        _ if is_out_of_descriptors(error) => &NO_DESCRIPTORS,
        ErrorKind::AddrNotAvailable => &NO_LOCAL_PORT,
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset if is_public(address.ip()) => &PUBLIC_REFUSED,
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => &REFUSED,
        ErrorKind::NetworkUnreachable if address.is_ipv6() => &NO_IPV6_ROUTE,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::PermissionDenied => &NO_ROUTE,
        _ if error.raw_os_error() == Some(EINVAL) => &NO_ROUTE,
        _ => timed_out(subject, is_public(address.ip())),
    }
}

fn describe(failed: &[(SocketAddr, io::Error)]) -> String {
    let line = |(address, error): &(SocketAddr, io::Error)| match error.kind() {
        ErrorKind::TimedOut => format!("{address}: no answer within {} ms", DIAL_LIMIT.as_millis()),
        _ => format!("{address}: {error}"),
    };
    failed.iter().map(line).collect::<Vec<_>>().join("; ")
}
