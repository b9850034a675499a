//! Where events go: one line per event on standard output, JSON on AWS, coloured text on a terminal.

use std::error::Error;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::Vars;

/// Which events are logged, and in which format.
#[derive(Debug)]
pub struct LogConfig {
    /// `RUST_LOG`: which events, in the syntax of `tracing_subscriber::EnvFilter`. Default `info,actix_server=warn`.
    filter: EnvFilter,
    /// `LOG_FORMAT`: `json` or `pretty`. Default: `pretty` on a terminal, `json` elsewhere.
    pub(super) format: LogFormat,
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

/// Starts logging the events of the whole process.
pub(super) fn init(config: LogConfig) {
    let builder = tracing_subscriber::fmt().with_env_filter(config.filter);
    match config.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
        LogFormat::Pretty => builder.with_ansi(std::io::stdout().is_terminal()).init(),
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
