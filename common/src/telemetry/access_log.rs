//! The access log: one line per request, on standard output beside all other events.
//!
//! It does not go through tracing's formatter, which costs as much as the rest of a request.

use std::fmt::Display;
use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::{SpanId, TraceId};
use serde::{Serialize, Serializer};

use super::log::LogFormat;
use super::output;
use super::timestamp::Timestamp;
use super::trace::XRay;

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

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
    pub(crate) trace_id: Option<Shown<TraceId>>,
    /// The same as X-Ray writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xray_trace_id: Option<Shown<XRay>>,
    /// Only of a request that is traced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) span_id: Option<Shown<SpanId>>,
    /// How many requests the work was done for at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch_size: Option<usize>,
    /// How long the request waited for that work to begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wait_ms: Option<f64>,
    /// What the caller was told, for a 5xx.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'a str>,
    /// What the caller was not told.
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// Is written as it is displayed.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl AccessLine<'_> {
    /// Adds this line to the log, unless logging was never started.
    pub(crate) fn write(&self) {
        let Some(format) = FORMAT.get() else { return };
        output::append(|out| {
            match format {
                LogFormat::Json => serde_json::to_writer(&mut *out, self)
                    .expect("a struct of strings and numbers is always JSON, and memory takes it"),
                LogFormat::Pretty => self.write_text(out),
            }
            out.push(b'\n');
        });
    }

    fn write_text(&self, out: &mut Vec<u8>) {
        let Self { timestamp, level, method, path, status, latency_ms, request_id, .. } = self;
        let error = self.error.unwrap_or_default();
        let cause = self.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
        write!(out, "{timestamp} {level:>5} {method} {path} {status} {latency_ms} ms {request_id} {error}{cause}")
            .expect("memory takes any text");
    }
}

/// Says how access lines are written, from now on.
pub(super) fn start(format: LogFormat) {
    FORMAT.get_or_init(|| format);
}
