//! What a service reports about itself.
//!
//! [`metrics`] has the process's metrics, which `GET /metrics` shows to Prometheus and [`emf`] writes for CloudWatch.
//!
//! The log has one `access` line per request (see `access_log`), start-up and shutdown, and the changes of state of the
//! dependencies. Secrets, query strings and bodies are never logged.

mod access_log;
pub mod emf;
mod json;
mod log;
pub mod metrics;
mod output;
mod samples;
mod timestamp;
pub mod trace;

pub(crate) use self::access_log::AccessLine;
pub use self::access_log::ServedTogether;
pub use self::emf::MetricsConfig;
pub use self::log::{LogConfig, chain};
pub(crate) use self::output::FLUSH_LIMIT;
pub use self::trace::TraceConfig;

/// Starts logging for the whole process. Call it once.
///
/// # Errors
/// When the log's thread can't be started.
pub fn init(config: LogConfig) -> std::io::Result<()> {
    let format = config.format;
    log::init(config);
    access_log::start(format);
    output::start(move |lines, out| log::write_lost(format, lines, out))
}

/// Writes out the lines that wait, for a second at most. Call it last.
pub fn flush() {
    output::flush();
}

/// Makes the access log write to memory, for [`unwritten`].
#[cfg(test)]
pub(crate) fn log_access_as_json() {
    access_log::start(log::LogFormat::Json);
}

#[cfg(test)]
pub(crate) use self::output::unwritten;
