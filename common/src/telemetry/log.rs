//! Writes one line per event to standard output: JSON on AWS, coloured text on a terminal.

use std::error::Error;
use std::fmt;
use std::io::IsTerminal;

use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{Format, FormatEvent, FormatFields, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, format};
use tracing_subscriber::registry::LookupSpan;

use super::json::Object;
use super::output::Line;
use super::{timestamp, trace};
use crate::config::{Group, Optional, Var, Vars};

/// Holds unless `RUST_LOG` names the same targets. actix-http logs an error for each malformed request, and strangers can
/// send any number of these.
const QUIET: &str = "actix_server=warn,actix_http::h1::dispatcher=off";
const RUST_LOG: Var<String> = Var::parsed(
    "RUST_LOG",
    (|| "info".to_owned(), "`info`"),
    "directives of `tracing_subscriber::EnvFilter`",
    |text| EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string()),
    "Which events are logged. Requests have the target `access`. `actix_server` is at `warn` and `actix_http::h1::dispatcher` \
     is off, unless a directive names them.",
);
const LOG_FORMAT: Var<LogFormat> = Var::parsed(
    "LOG_FORMAT",
    (default_format, "`pretty` on a terminal, otherwise `json`"),
    "`json` or `pretty`",
    LogFormat::parse,
    "Format of the log. Each event takes one line in both.",
);
const OTEL_LOG_LEVEL: Optional<LevelFilter> = Optional::parsed(
    "OTEL_LOG_LEVEL",
    "`none`, `error`, `warn`, `info`, `debug` or `trace`",
    |text| match text {
        "none" => Ok(LevelFilter::OFF),
        "error" | "warn" | "info" | "debug" | "trace" => text.parse().map_err(|_| "is not a level".to_owned()),
        other => Err(format!("{other:?} is not a level")),
    },
    "as `RUST_LOG` says",
    "Which events about the trace collector are logged.",
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
        let filter = EnvFilter::new(format!("{QUIET},{}", vars.read(&RUST_LOG)));
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

/// Appends the line that says how many lines were dropped.
pub(super) fn write_lost(format: LogFormat, lines: u64, out: &mut Vec<u8>) {
    let message = "log lines were dropped because their reader was too slow";
    match format {
        LogFormat::Json => {
            let mut line = Object::open(out);
            line.quoted("timestamp", timestamp::write);
            line.text("level", "WARN");
            line.text("message", message);
            line.number("lines", lines);
            line.close();
        }
        LogFormat::Pretty => {
            timestamp::write(out);
            out.extend_from_slice(format!("  WARN {message} lines={lines}\n").as_bytes());
        }
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
