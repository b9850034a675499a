//! OpenTelemetry's variables. The SDK reads some of them itself; all of them are checked here, before a port opens.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::headers::{self, Propagator};
use crate::config::{Group, Optional, Var};

pub(super) const SDK_DISABLED: Var<bool> = Var::parsed(
    "OTEL_SDK_DISABLED",
    (|| false, "`false`"),
    "`true` or `false`",
    boolean,
    "`true` turns tracing off, whatever else is set.",
);
pub(super) const TRACES_EXPORTER: Optional<bool> = Optional::parsed(
    "OTEL_TRACES_EXPORTER",
    "`otlp` or `none`",
    |text| match text {
        "otlp" => Ok(true),
        "none" => Ok(false),
        other => Err(format!("{other:?} is neither otlp nor none")),
    },
    "`otlp` if an endpoint is set, otherwise `none`",
    "Where spans go. `otlp` alone sends them to `http://localhost:4317`.",
);
pub(super) const METRICS_EXPORTER: Optional<()> = Optional::parsed(
    "OTEL_METRICS_EXPORTER",
    "`none`",
    none,
    "`none`",
    "Metrics are served at `GET /metrics` and written by `METRICS=emf`, not sent by OTLP.",
);
pub(super) const LOGS_EXPORTER: Optional<()> =
    Optional::parsed("OTEL_LOGS_EXPORTER", "`none`", none, "`none`", "Logs go to standard output, not by OTLP.");
pub(super) const PROPAGATORS: Var<Vec<Propagator>> = Var::parsed(
    "OTEL_PROPAGATORS",
    (|| headers::DEFAULT.to_vec(), "`tracecontext,xray`"),
    "a comma list of `tracecontext` and `xray`, or `none`; `baggage` is accepted and has no effect",
    propagators,
    "The headers that name a caller's trace. If a request has both, the last one of the list wins.",
);
pub(super) const SAMPLER: Var<(bool, Share)> = Var::parsed(
    "OTEL_TRACES_SAMPLER",
    (|| (true, Share::All), "`parentbased_always_on`"),
    "`always_on`, `always_off`, `traceidratio`, each also after `parentbased_`",
    sampler,
    "Which requests are traced. `parentbased_` follows a caller's decision; frontend-api lets callers force five traces a \
     second.",
);
pub(super) const SAMPLER_ARG: Var<f64> = Var::parsed(
    "OTEL_TRACES_SAMPLER_ARG",
    (|| 1.0, "1"),
    "from 0 to 1",
    |text| match text.parse() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err(format!("{text:?} is not a number from 0 to 1")),
    },
    "The share of requests that `traceidratio` traces.",
);
pub(super) const SERVICE_NAME: Optional<String> =
    Optional::text("OTEL_SERVICE_NAME", "the service's own name", "The name of this service in traces.");
pub(super) const RESOURCE_ATTRIBUTES: Var<Vec<(String, String)>> = Var::parsed(
    "OTEL_RESOURCE_ATTRIBUTES",
    (Vec::new, "none"),
    "a comma list of `name=value`",
    attributes,
    "Further attributes of this process in each span. They override those that the service sets itself.",
);
pub(super) const ENDPOINT: Optional<Url> = Optional::parsed(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "an http URL",
    endpoint,
    "nothing is traced",
    "The collector, which must listen on this host or in this network: the connection is not encrypted.",
);
pub(super) const TRACES_ENDPOINT: Optional<Url> = Optional::parsed(
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "an http URL",
    endpoint,
    "`OTEL_EXPORTER_OTLP_ENDPOINT`",
    "The collector for traces.",
);
const TIMEOUT_HELP: &str = "How long the collector may take for one batch of spans.";
pub(super) const TIMEOUT: Var<Duration> =
    Var::milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000, 1..=600_000, TIMEOUT_HELP);
pub(super) const TRACES_TIMEOUT: Optional<u64> = Optional::int(
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    1..=600_000,
    "`OTEL_EXPORTER_OTLP_TIMEOUT`",
    "The same for traces.",
);

const PROTOCOL: Optional<()> = protocol("OTEL_EXPORTER_OTLP_PROTOCOL");
const TRACES_PROTOCOL: Optional<()> = protocol("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL");
const COMPRESSION: Optional<()> = compression("OTEL_EXPORTER_OTLP_COMPRESSION");
const TRACES_COMPRESSION: Optional<()> = compression("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION");
const INSECURE: Optional<bool> = insecure("OTEL_EXPORTER_OTLP_INSECURE");
const TRACES_INSECURE: Optional<bool> = insecure("OTEL_EXPORTER_OTLP_TRACES_INSECURE");
const HEADERS: Optional<SecretString> = credentials("OTEL_EXPORTER_OTLP_HEADERS");
const TRACES_HEADERS: Optional<SecretString> = credentials("OTEL_EXPORTER_OTLP_TRACES_HEADERS");
const SCHEDULE_DELAY: Optional<u64> =
    number("OTEL_BSP_SCHEDULE_DELAY", "5000", "Longest time in milliseconds that a span waits before it is sent.");
const QUEUE_SIZE: Optional<u64> = number(
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "2048",
    "Maximum number of spans that wait for the collector; further spans are dropped.",
);
const BATCH_SIZE: Optional<u64> =
    number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512", "Maximum number of spans in one request to the collector.");
const EXPORT_TIMEOUT: Optional<u64> =
    number("OTEL_BSP_EXPORT_TIMEOUT", "30000", "Accepted but not used: `OTEL_EXPORTER_OTLP_TIMEOUT` limits a request.");
const ATTRIBUTES: Optional<u64> =
    number("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "128", "Maximum number of attributes of a span.");
const EVENTS: Optional<u64> = number("OTEL_SPAN_EVENT_COUNT_LIMIT", "128", "Maximum number of events of a span.");
const LINKS: Optional<u64> = number(
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "128",
    "Maximum number of links of a span. They name the other traced requests of a batch.",
);

pub(super) const GROUP: Group = Group {
    title: "Traces",
    variables: &[
        &ENDPOINT,
        &TRACES_ENDPOINT,
        &TRACES_EXPORTER,
        &SDK_DISABLED,
        &SAMPLER,
        &SAMPLER_ARG,
        &PROPAGATORS,
        &SERVICE_NAME,
        &RESOURCE_ATTRIBUTES,
        &PROTOCOL,
        &TRACES_PROTOCOL,
        &TIMEOUT,
        &TRACES_TIMEOUT,
        &HEADERS,
        &TRACES_HEADERS,
        &COMPRESSION,
        &TRACES_COMPRESSION,
        &INSECURE,
        &TRACES_INSECURE,
        &SCHEDULE_DELAY,
        &QUEUE_SIZE,
        &BATCH_SIZE,
        &EXPORT_TIMEOUT,
        &ATTRIBUTES,
        &EVENTS,
        &LINKS,
        &METRICS_EXPORTER,
        &LOGS_EXPORTER,
    ],
};

/// Those that the SDK reads itself: it would ignore a wrong value.
pub(super) const NUMBERS: &[&Optional<u64>] =
    &[&SCHEDULE_DELAY, &QUEUE_SIZE, &BATCH_SIZE, &EXPORT_TIMEOUT, &ATTRIBUTES, &EVENTS, &LINKS];
pub(super) const FIXED: &[&Optional<()>] =
    &[&METRICS_EXPORTER, &LOGS_EXPORTER, &PROTOCOL, &TRACES_PROTOCOL, &COMPRESSION, &TRACES_COMPRESSION];
pub(super) const FLAGS: &[&Optional<bool>] = &[&INSECURE, &TRACES_INSECURE];
pub(super) const SECRETS: &[&Optional<SecretString>] = &[&HEADERS, &TRACES_HEADERS];

/// What a sampler records of the traces that start here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    All,
    None,
    Ratio,
}

const fn protocol(name: &'static str) -> Optional<()> {
    let parse = |text: &str| if text == "grpc" { Ok(()) } else { Err(format!("{text:?} is not grpc")) };
    Optional::parsed(name, "`grpc`", parse, "`grpc`", "Protocol of the connection to the collector.")
}

const fn compression(name: &'static str) -> Optional<()> {
    let parse = |_: &str| Err("is not supported: spans are sent uncompressed".to_owned());
    Optional::parsed(name, "no value", parse, "no compression", "Must not be set: spans are sent uncompressed.")
}

const fn insecure(name: &'static str) -> Optional<bool> {
    Optional::parsed(
        name,
        "`true` or `false`",
        boolean,
        "`true`",
        "Accepted but not used: the connection is never encrypted.",
    )
}

const fn credentials(name: &'static str) -> Optional<SecretString> {
    Optional::secret(name, "none", "A comma list of `name=value`: headers for the collector.")
}

const fn number(name: &'static str, default: &'static str, help: &'static str) -> Optional<u64> {
    Optional::int(name, 1..=1_000_000, default, help)
}

fn none(text: &str) -> Result<(), String> {
    if text == "none" { Ok(()) } else { Err(format!("{text:?} is not none")) }
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

fn propagators(text: &str) -> Result<Vec<Propagator>, String> {
    let mut list = Vec::new();
    for name in text.split(',').map(str::trim) {
        match name {
            "tracecontext" => list.push(Propagator::TraceContext),
            "xray" => list.push(Propagator::XRay),
            "baggage" => {}
            "none" if text.trim() == "none" => {}
            other => return Err(format!("{other:?} is neither tracecontext nor xray")),
        }
    }
    Ok(list)
}

fn sampler(text: &str) -> Result<(bool, Share), String> {
    let (parent_based, root) = text.strip_prefix("parentbased_").map_or((false, text), |root| (true, root));
    match root {
        "always_on" => Ok((parent_based, Share::All)),
        "always_off" => Ok((parent_based, Share::None)),
        "traceidratio" => Ok((parent_based, Share::Ratio)),
        _ => Err(format!("{text:?} is not always_on, always_off or traceidratio, with or without parentbased_")),
    }
}

fn attributes(text: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |part: &str| match part.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err(format!("{part:?} is not name=value")),
    };
    text.split_terminator(',').map(pair).collect()
}

/// The error does not quote the value: its user info could hold a password.
fn endpoint(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "http" && url.host().is_some() => Ok(url),
        Ok(url) if url.scheme() == "https" => {
            Err("must begin with http://: TLS to a collector is not supported".to_owned())
        }
        _ => Err("is not a URL such as http://localhost:4317".to_owned()),
    }
}
