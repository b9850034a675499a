//! As much of HTTP/1.1 as the stand-ins' clients speak: a request, its answer, the end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// A client that stops in the middle must not keep its thread for ever.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST_REQUEST: u64 = 64 * 1024;

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The header `X-Amz-Target`: the operation of an AWS service with JSON 1.1.
    pub(crate) target: String,
    pub(crate) body: String,
}

pub(crate) struct Response {
    status: u16,
    body: String,
}

impl Response {
    pub(crate) fn new(status: u16, body: String) -> Self {
        Self { status, body }
    }

    pub(crate) fn ok(body: String) -> Self {
        Self::new(200, body)
    }
}

pub(crate) fn read(connection: &TcpStream) -> std::io::Result<Request> {
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(connection.take(LONGEST_REQUEST));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut target, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            match name.to_ascii_lowercase().as_str() {
                "x-amz-target" => value.trim().clone_into(&mut target),
                "content-length" => length = value.trim().parse().unwrap_or(0),
                _ => {}
            }
        }
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    Ok(Request { method, path, target, body })
}

pub(crate) fn write(mut connection: &TcpStream, response: &Response) -> std::io::Result<()> {
    let Response { status, body } = response;
    let length = body.len();
    write!(
        connection,
        "HTTP/1.1 {status} .\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

/// Asks the stand-ins of this machine whether they answer.
pub(crate) fn check(port: u16) -> std::io::Result<()> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(b"GET /health HTTP/1.1\r\n\r\n")?;
    let mut answer = [0; 12];
    connection.read_exact(&mut answer)?;
    if answer == *b"HTTP/1.1 200" { Ok(()) } else { Err(std::io::Error::other("not healthy")) }
}
