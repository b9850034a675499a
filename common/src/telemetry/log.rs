//! Where events go: one line per event on standard output, JSON on AWS, coloured text on a terminal.

use std::error::Error;
use std::fmt;
use std::io::IsTerminal;

use time::OffsetDateTime;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{Format, FormatEvent, FormatFields, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, format};
use tracing_subscriber::registry::LookupSpan;

use super::output::Line;
use super::timestamp::Timestamp;
use super::trace;
use crate::config::{Group, Optional, Var, Vars};

/// actix-http logs each malformed request as an error, which strangers can send as many of as they like.
const DEFAULT_FILTER: &str = "info,actix_server=warn,actix_http::h1::dispatcher=off";
const RUST_LOG: Var<String> = Var::parsed(
    "RUST_LOG",
    (|| DEFAULT_FILTER.to_owned(), "`info,actix_server=warn,actix_http::h1::dispatcher=off`"),
    "directives of `tracing_subscriber::EnvFilter`",
    |text| EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string()),
    "Which events are logged. Requests have the target `access`.",
);
const LOG_FORMAT: Var<LogFormat> = Var::parsed(
    "LOG_FORMAT",
    (default_format, "`pretty` on a terminal, otherwise `json`"),
    "`json` or `pretty`",
    LogFormat::parse,
    "How an event is written; each takes one line.",
);
const OTEL_LOG_LEVEL: Optional<LevelFilter> = Optional::parsed(
    "OTEL_LOG_LEVEL",
    "`none`, `error`, `warn`, `info`, `debug` or `trace`",
    |text| match text {
        "none" => Ok(LevelFilter::OFF),
        "error" | "warn" | "info" | "debug" | "trace" => text.parse().map_err(|_| "is no level".to_owned()),
        other => Err(format!("{other:?} is no level")),
    },
    "as `RUST_LOG` says",
    "Which events about the collector of traces are logged.",
);

/// Which events are logged, and in which format.
#[derive(Debug)]
pub struct LogConfig {
    filter: EnvFilter,
    pub(super) format: LogFormat,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum LogFormat {
    Json,
    Pretty,
}

impl LogFormat {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            other => Err(format!("{other:?} is neither json nor pretty")),
        }
    }
}

fn default_format() -> LogFormat {
    if std::io::stdout().is_terminal() { LogFormat::Pretty } else { LogFormat::Json }
}

impl LogConfig {
    /// Its variables.
    pub const VARIABLES: Group = Group { title: "Log", variables: &[&RUST_LOG, &LOG_FORMAT, &OTEL_LOG_LEVEL] };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        let filter = EnvFilter::new(vars.read(&RUST_LOG));
        let level = vars.read(&OTEL_LOG_LEVEL).map(|level| format!("opentelemetry={level}"));
        let level = level.map(|directive| directive.parse().expect("a target and a level are a directive"));
        Self { filter: level.into_iter().fold(filter, EnvFilter::add_directive), format: vars.read(&LOG_FORMAT) }
    }
}

/// Starts logging the events of the whole process.
pub(super) fn init(config: LogConfig) {
    let builder = tracing_subscriber::fmt().with_env_filter(config.filter).with_writer(|| Line);
    match config.format {
        LogFormat::Json => {
            let json = format().json().flatten_event(true).with_current_span(false).with_span_list(false);
            builder.fmt_fields(JsonFields::new()).event_format(InRequest(json)).init();
        }
        LogFormat::Pretty => builder.with_ansi(std::io::stdout().is_terminal()).init(),
    }
}

/// Adds the ids of the request and the trace to each line.
struct InRequest(Format<Json>);

impl<S, N> FormatEvent<S, N> for InRequest
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        let Some(object) = line.strip_suffix("}\n") else { return out.write_str(&line) };
        out.write_str(object)?;
        trace::write_current(&mut out, object.contains("\"request_id\":"))?;
        out.write_str("}\n")
    }
}

/// Returns the line that says how many lines were dropped.
pub(super) fn lost(format: LogFormat, count: u64) -> String {
    let timestamp = Timestamp(OffsetDateTime::now_utc());
    let message = "the log was not read in time: lines were dropped";
    match format {
        LogFormat::Json => {
            let level = "WARN";
            serde_json::json!({ "timestamp": timestamp.to_string(), "level": level, "message": message, "lines": count })
                .to_string()
        }
        LogFormat::Pretty => format!("{timestamp}  WARN {message} lines={count}"),
    }
}

/// Returns the error and every cause below it in one line. Libraries such as tokio-postgres show only the top one.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        let line = cause.to_string();
        if !text.ends_with(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        below = cause.source();
    }
    text
}
