//! The access log: one line a request, on standard output beside all other events.
//!
//! It does not go through tracing's formatter, which costs as much as the rest of a request: lines are written into a
//! buffer that a thread empties at once when there is little to do, and in large pieces when there is much.

use std::fmt;
use std::io::Write;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::log::LogFormat;

/// How long a line may wait for others to be written with.
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// Bytes; from here on a line's writer empties the buffer itself, which bounds it.
const BUFFER_LIMIT: usize = 64 * 1024;
const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

static FORMAT: OnceLock<LogFormat> = OnceLock::new();
static BUFFER: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static FILLED: Condvar = Condvar::new();

/// What is told of a request.
#[derive(Serialize)]
pub(crate) struct AccessLine<'a> {
    pub(crate) timestamp: Timestamp,
    pub(crate) level: &'static str,
    pub(crate) target: &'static str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// The path with its parameters as placeholders; absent where no route matched.
    #[serde(rename = "http.route", skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<&'a str>,
    pub(crate) status: u16,
    /// The length that the request announced.
    #[serde(rename = "http.request.body.size", skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_in: Option<u64>,
    /// The length of the answer, unless it is streamed.
    #[serde(rename = "http.response.body.size", skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_out: Option<u64>,
    /// The client, behind as many proxies as `FORWARDED_HOPS` says.
    #[serde(rename = "client.address", skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<std::net::IpAddr>,
    pub(crate) latency_ms: f64,
    pub(crate) request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<&'a str>,
    /// What the caller was told, for a 5xx.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// What the caller was not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<&'a str>,
}

/// UTC, to the microsecond.
pub(crate) struct Timestamp(pub(crate) OffsetDateTime);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 32];
        let mut rest = &mut text[..];
        self.0.format_into(&mut rest, TIMESTAMP).map_err(|_| fmt::Error)?;
        let length = 32 - rest.len();
        f.write_str(std::str::from_utf8(&text[..length]).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl AccessLine<'_> {
    /// Adds this line to the log, unless logging was never started.
    pub(crate) fn write(&self) {
        let Some(format) = FORMAT.get() else { return };
        let mut buffer = BUFFER.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = buffer.is_empty();
        match format {
            LogFormat::Json => serde_json::to_writer(&mut *buffer, self)
                .expect("a struct of strings and numbers is always JSON, and memory takes it"),
            LogFormat::Pretty => self.write_text(&mut buffer),
        }
        buffer.push(b'\n');
        if buffer.len() >= BUFFER_LIMIT {
            write_out(&mut buffer);
        }
        drop(buffer);
        if was_empty {
            FILLED.notify_one();
        }
    }

    fn write_text(&self, out: &mut Vec<u8>) {
        let Self { timestamp, level, method, path, status, latency_ms, request_id, .. } = self;
        let error = self.error.as_deref().unwrap_or_default();
        let cause = self.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
        write!(out, "{timestamp} {level:>5} {method} {path} {status} {latency_ms} ms {request_id} {error}{cause}")
            .expect("memory takes any text");
    }
}

/// Starts the thread that empties the buffer.
pub(super) fn start(format: LogFormat) -> std::io::Result<()> {
    FORMAT.get_or_init(|| format);
    let empty_when_filled = || {
        loop {
            let buffer = BUFFER.lock().unwrap_or_else(PoisonError::into_inner);
            let buffer = FILLED.wait_while(buffer, |buffer| buffer.is_empty()).unwrap_or_else(PoisonError::into_inner);
            drop(buffer);
            std::thread::sleep(LONGEST_WAIT);
            flush();
        }
    };
    std::thread::Builder::new().name("access-log".to_owned()).spawn(empty_when_filled).map(drop)
}

/// Writes what waits; the last thing a process does.
pub(super) fn flush() {
    write_out(&mut BUFFER.lock().unwrap_or_else(PoisonError::into_inner));
}

fn write_out(buffer: &mut Vec<u8>) {
    // Nobody is left to tell when standard output is gone; serving goes on.
    let _ = std::io::stdout().lock().write_all(buffer);
    let _ = std::io::stdout().lock().flush();
    buffer.clear();
}
