//! As much of an HTTP/1.1 client as a load needs: one connection, one request at a time.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// True if it has `Retry-After`.
    pub has_retry_after: bool,
    /// True if the server takes another request on this connection.
    pub keeps_open: bool,
    /// Its body.
    pub body: String,
}

/// A connection to a server.
pub struct Connection(TcpStream);

impl Connection {
    /// Connects.
    pub async fn open(target: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(target).await.map_err(|error| format!("connect: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self(stream))
    }

    /// Whether the server has closed it while it was idle.
    pub fn was_closed(&self) -> bool {
        !matches!(self.0.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// Sends a GET and reads the answer.
    pub async fn get(&mut self, path: &str, agent: &str) -> Result<Answer, String> {
        self.send("GET", path, agent, "").await
    }

    /// Sends a request and reads the answer.
    pub async fn send(&mut self, method: &str, path: &str, agent: &str, body: &str) -> Result<Answer, String> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nUser-Agent: {agent}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.0.write_all(request.as_bytes()).await.map_err(|error| format!("write: {error}"))?;
        self.read().await
    }

    async fn read(&mut self) -> Result<Answer, String> {
        let mut received = Vec::with_capacity(1024);
        let mut expected = None;
        while expected.is_none_or(|(_, end)| received.len() < end) {
            let count = self.0.read_buf(&mut received).await.map_err(|error| format!("read: {error}"))?;
            if count == 0 {
                return Err(format!("closed after {} bytes of an answer", received.len()));
            }
            if expected.is_none() {
                expected = head(&received);
            }
        }
        let (start, end) = expected.unwrap_or_default();
        let text = String::from_utf8_lossy(&received[..start]).to_ascii_lowercase();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("not an answer of HTTP")?;
        Ok(Answer {
            status,
            has_retry_after: text.contains("\r\nretry-after: "),
            keeps_open: !text.contains("\r\nconnection: close"),
            body: String::from_utf8_lossy(&received[start..end]).into_owned(),
        })
    }
}

/// Where the body starts and ends, once the head is complete.
fn head(received: &[u8]) -> Option<(usize, usize)> {
    let start = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&received[..start]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    Some((start, start + length.unwrap_or(0)))
}
