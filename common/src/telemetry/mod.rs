//! What a service reports about itself.
//!
//! [`metrics`] has the process's metrics, which `GET /metrics` shows to Prometheus and [`emf`] writes for CloudWatch.
//!
//! The log has one `access` line per request (see `access_log`), start-up and shutdown, and the changes of state of the
//! dependencies. Secrets, query strings and bodies are never logged.

mod access_log;
pub mod emf;
mod log;
pub mod metrics;
pub mod trace;

pub(crate) use access_log::{AccessLine, Timestamp};
pub use emf::MetricsConfig;
pub use log::{LogConfig, chain};

/// Starts logging for the whole process. Call it once.
///
/// # Errors
/// When the access log's thread can't be started.
pub fn init(config: LogConfig) -> std::io::Result<()> {
    let format = config.format;
    log::init(config);
    access_log::start(format)
}

/// Writes out the lines that the access log still holds. Call it last.
pub fn flush() {
    access_log::flush();
}
