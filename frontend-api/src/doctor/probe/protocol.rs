//! Finds out which protocol a server uses, if it is not the expected one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerified;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::doctor::causes::{Cause, SPEAKS_HTTP, SPEAKS_MYSQL, SPEAKS_POSTGRES, SPEAKS_REDIS, SPEAKS_SSH, SPEAKS_TLS};
use crate::doctor::probe::postgres::SSL_REQUEST;
use crate::tls::{client_config, judged_by};

/// For each question; all are asked side by side.
pub(in crate::doctor) const QUESTION_LIMIT: Duration = Duration::from_millis(1000);
/// Enough for the begin of any answer.
const BEGIN: usize = 64;

/// What was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum Protocol {
    Http,
    Ssh,
    MySql,
    Redis,
    Tls,
    Postgres,
}

impl Protocol {
    /// Returns what it means that this is spoken where something else is expected.
    pub(in crate::doctor) fn cause(self) -> &'static Cause {
        match self {
            Self::Http => &SPEAKS_HTTP,
            Self::Ssh => &SPEAKS_SSH,
            Self::MySql => &SPEAKS_MYSQL,
            Self::Redis => &SPEAKS_REDIS,
            Self::Tls => &SPEAKS_TLS,
            Self::Postgres => &SPEAKS_POSTGRES,
        }
    }
}

/// Asks the server in each protocol, on a connection each. Takes [`QUESTION_LIMIT`] at most.
pub(in crate::doctor) async fn identify(address: SocketAddr) -> Option<Protocol> {
    let request = b"GET / HTTP/1.0\r\n\r\n";
    let (text, tls, postgres) = tokio::join!(
        answer(address, request),
        timeout(QUESTION_LIMIT, speaks_tls(address)),
        answer(address, &SSL_REQUEST)
    );
    match recognise(&text) {
        _ if tls.unwrap_or(false) => Some(Protocol::Tls),
        Some(protocol) => Some(protocol),
        None => matches!(postgres[..], [b'S' | b'N']).then_some(Protocol::Postgres),
    }
}

fn recognise(text: &[u8]) -> Option<Protocol> {
    match text {
        text if text.starts_with(b"HTTP/") => Some(Protocol::Http),
        text if text.starts_with(b"SSH-") => Some(Protocol::Ssh),
        text if [&b"-ERR "[..], b"-NOAUTH", b"-DENIED", b"+OK"].iter().any(|begin| text.starts_with(begin)) => {
            Some(Protocol::Redis)
        }
        // The length in three bytes, number 0, then version 10 of the handshake, or an error.
        [_, _, 0, 0, 10 | 0xff, ..] => Some(Protocol::MySql),
        _ => None,
    }
}

/// What the server says to `question`, or before it; empty if that is nothing.
async fn answer(address: SocketAddr, question: &[u8]) -> Vec<u8> {
    let mut begin = vec![0; BEGIN];
    let conversation = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(question).await?;
        stream.read(&mut begin).await
    };
    let count = timeout(QUESTION_LIMIT, conversation).await.ok().and_then(Result::ok).unwrap_or(0);
    begin.truncate(count);
    begin
}

/// Returns true if a TLS handshake that got no answer succeeds once both sides send short packets alone. `begin` is what
/// the server wants to hear first.
pub(in crate::doctor) async fn passes_in_short_packets(address: SocketAddr, begin: &[u8]) -> bool {
    timeout(QUESTION_LIMIT * 2, shake_hands_in_short_packets(address, begin)).await.ok().flatten().is_some()
}

async fn shake_hands_in_short_packets(address: SocketAddr, begin: &[u8]) -> Option<()> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.ok()?;
    shorten(&socket)?;
    let mut stream = socket.connect(address).await.ok()?;
    if !begin.is_empty() {
        stream.write_all(begin).await.ok()?;
        stream.read_u8().await.ok()?;
    }
    let config = client_config(judged_by(|_| Ok(ServerCertVerified::assertion())));
    let name = ServerName::IpAddress(address.ip().into());
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok().map(drop)
}

/// Both sides send packets of 536 bytes at most, which every network passes (RFC 1122, 4.2.2.6).
#[cfg(target_os = "linux")]
fn shorten(socket: &TcpSocket) -> Option<()> {
    nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::TcpMaxSeg, &536).ok()
}

#[cfg(not(target_os = "linux"))]
fn shorten(_: &TcpSocket) -> Option<()> {
    None
}

/// Accepts any server: only its answer matters.
async fn speaks_tls(address: SocketAddr) -> bool {
    let config = client_config(judged_by(|_| Ok(ServerCertVerified::assertion())));
    let Ok(stream) = TcpStream::connect(address).await else { return false };
    TlsConnector::from(Arc::new(config)).connect(ServerName::IpAddress(address.ip().into()), stream).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_begin_of_an_answer_names_the_protocol() {
        let rows: [(&[u8], Option<Protocol>); 8] = [
            (b"HTTP/1.1 400 Bad Request\r\n", Some(Protocol::Http)),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Some(Protocol::Ssh)),
            (b"\x4a\0\0\0\x0a8.0.36\0", Some(Protocol::MySql)),
            (b"\x45\0\0\0\xff\x6a\x04Host is not allowed", Some(Protocol::MySql)),
            (b"-ERR wrong number of arguments for 'get' command\r\n", Some(Protocol::Redis)),
            (b"-NOAUTH Authentication required.\r\n", Some(Protocol::Redis)),
            (b"220 mail ESMTP\r\n", None),
            (b"", None),
        ];
        for (text, protocol) in rows {
            assert_eq!(recognise(text), protocol, "{text:?}");
        }
    }
}
