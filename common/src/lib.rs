//! What Causeway's services share: configuration, problems, telemetry, server start-up and drain, outgoing HTTP.
//!
//! This crate has no SQL and no feature.

pub mod cli;
pub mod config;
pub mod contract;
pub mod http;
pub mod random;
pub mod shutdown;
pub mod tasks;
pub mod telemetry;
pub mod tls;
