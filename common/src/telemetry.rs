//! Logs: one event a line on standard output, JSON on AWS, coloured text on a terminal.
//!
//! What is logged: one `access` line a request (see `access_log`), start-up and shutdown, and every change of state of a
//! dependency. Never: secrets, query strings, bodies.

use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;

use crate::access_log::{self, AccessLine};
use crate::config::Vars;

/// How to log.
#[derive(Debug)]
pub struct LogConfig {
    /// `RUST_LOG`: which events, in the syntax of `tracing_subscriber::EnvFilter`. Default `info,actix_server=warn`.
    filter: EnvFilter,
    /// `LOG_FORMAT`: `json` or `pretty`. Default: `pretty` on a terminal, `json` elsewhere.
    format: LogFormat,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum LogFormat {
    Json,
    Pretty,
}

impl LogConfig {
    /// Reads `RUST_LOG` and `LOG_FORMAT`.
    pub fn load(vars: &mut Vars<'_>) -> Self {
        let filter = vars.parsed("RUST_LOG", |text| EnvFilter::try_new(text).map_err(|error| error.to_string()));
        let format = vars.parsed("LOG_FORMAT", |text| match text {
            "json" => Ok(LogFormat::Json),
            "pretty" => Ok(LogFormat::Pretty),
            other => Err(format!("{other:?} is neither json nor pretty")),
        });
        Self {
            filter: filter.unwrap_or_else(|| EnvFilter::new("info,actix_server=warn")),
            format: format
                .unwrap_or_else(|| if std::io::stdout().is_terminal() { LogFormat::Pretty } else { LogFormat::Json }),
        }
    }
}

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Starts logging for the whole process. Call it once.
///
/// # Errors
/// When the access log's thread can't be started.
pub fn init(config: LogConfig) -> std::io::Result<()> {
    let builder = tracing_subscriber::fmt().with_env_filter(config.filter);
    match config.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
        LogFormat::Pretty => builder.with_ansi(std::io::stdout().is_terminal()).init(),
    }
    FORMAT.get_or_init(|| config.format);
    access_log::start_writer()
}

/// Writes out what the access log still holds. Call it last.
pub fn flush() {
    access_log::flush();
}

pub(crate) fn log_access(line: &AccessLine<'_>) {
    if let Some(format) = FORMAT.get() {
        line.write(*format);
    }
}
