//! The access log: one line per request, on standard output beside all other events.
//!
//! It does not go through tracing's formatter, which costs as much as the rest of a request.

use std::io::Write;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use super::json::Object;
use super::log::LogFormat;
use super::trace::{self, XRay};
use super::{output, timestamp};

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// The fields of a request's line.
pub(crate) struct AccessLine<'a> {
    pub(crate) level: &'static str,
    /// A token of RFC 9110, which needs no escapes.
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// The path with its parameters as placeholders; absent where no route matched.
    pub(crate) route: Option<&'a str>,
    pub(crate) status: u16,
    /// The length that the request announced.
    pub(crate) bytes_in: Option<u64>,
    /// The length of the answer, unless it is streamed.
    pub(crate) bytes_out: Option<u64>,
    /// The client, behind as many proxies as `FORWARDED_HOPS` says.
    pub(crate) client: Option<IpAddr>,
    pub(crate) latency: Duration,
    /// Needs no escapes either: others are replaced.
    pub(crate) request_id: &'a str,
    pub(crate) trace: trace::Context,
    /// What was done for several requests at once.
    pub(crate) together: Option<ServedTogether>,
    /// The detail that the caller saw, for a 5xx.
    pub(crate) error: Option<&'a str>,
    /// The cause, which the caller did not see.
    pub(crate) cause: Option<&'a str>,
}

/// What a handler adds to the line of a request that was served together with others: put it into the request's
/// extensions.
#[derive(Debug, Clone, Copy)]
pub struct ServedTogether {
    /// How many requests the work was done for at once.
    pub batch_size: usize,
    /// How long the request waited for that work to begin.
    pub wait: Duration,
}

impl AccessLine<'_> {
    /// Adds this line to the log, unless logging was never started.
    pub(crate) fn write(&self) {
        let Some(format) = FORMAT.get() else { return };
        output::append(|out| match format {
            LogFormat::Json => self.write_json(out),
            LogFormat::Pretty => self.write_text(out),
        });
    }

    /// By hand: serde's fields cost twice as much, a tenth of the whole request.
    fn write_json(&self, out: &mut Vec<u8>) {
        let mut line = Object::open(out);
        line.quoted("timestamp", timestamp::write);
        line.token("level", self.level);
        line.token("target", "access");
        line.token("method", self.method);
        line.text("path", self.path);
        if let Some(route) = self.route {
            line.text("http.route", route);
        }
        line.number("status", self.status.into());
        if let Some(bytes) = self.bytes_in {
            line.number("http.request.body.size", bytes);
        }
        if let Some(bytes) = self.bytes_out {
            line.number("http.response.body.size", bytes);
        }
        if let Some(client) = self.client {
            line.plain("client.address", client);
        }
        line.milliseconds("latency_ms", self.latency);
        line.token("request_id", self.request_id);
        if let Some(id) = self.trace.trace_id() {
            line.plain("trace_id", id);
            line.plain("xray_trace_id", XRay(id));
        }
        // Only of a request that is traced.
        if let Some(id) = self.trace.span_id() {
            line.plain("span_id", id);
        }
        if let Some(together) = self.together {
            line.number("batch_size", together.batch_size as u64);
            line.milliseconds("wait_ms", together.wait);
        }
        if let Some(error) = self.error {
            line.text("error", error);
        }
        if let Some(cause) = self.cause {
            line.text("cause", cause);
        }
        line.close();
    }

    fn write_text(&self, out: &mut Vec<u8>) {
        let Self { level, method, path, status, request_id, .. } = self;
        let latency = self.latency.as_secs_f64() * 1e3;
        let error = self.error.unwrap_or_default();
        let cause = self.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
        timestamp::write(out);
        writeln!(out, " {level:>5} {method} {path} {status} {latency:.3} ms {request_id} {error}{cause}")
            .expect("memory takes any text");
    }
}

/// Sets the format of access lines from now on.
pub(super) fn start(format: LogFormat) {
    FORMAT.get_or_init(|| format);
}
