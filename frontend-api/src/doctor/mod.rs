//! The connectivity doctor: `GET /test-connection`.

pub mod handlers;
mod target;

pub use self::target::TargetConfig;
