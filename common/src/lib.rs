//! What Causeway's services share: configuration, errors, telemetry, server start-up and drain, outgoing HTTP.
//!
//! Nothing here knows PostgreSQL, and nothing here knows what a service does.

mod access_log;
pub mod cli;
pub mod config;
pub mod docs;
pub mod error;
pub mod health;
pub mod http_client;
mod observe;
pub mod server;
pub mod shutdown;
pub mod task_identity;
pub mod telemetry;
