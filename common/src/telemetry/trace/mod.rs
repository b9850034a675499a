//! Traces: which requests are traced, the spans of those that are, and how they reach a collector.
//!
//! Whether a request is traced is decided before the SDK is called, because even a span that is not kept costs time there.
//! Nothing runs unless one of OpenTelemetry's variables names a collector.
//!
//! Every exported span has a parent or is of kind SERVER: X-Ray draws any other span as a separate service.

mod config;
mod current;
mod ecs;
mod export;
mod headers;
mod ids;
mod propagation;
mod provider;
mod sampling;
mod server;
mod span;
mod variables;

pub use self::config::TraceConfig;
pub(crate) use self::current::{Current, write_current};
pub use self::current::{batch_size, current, inherit};
pub use self::ecs::metadata_endpoint;
pub use self::ids::Context;
pub(crate) use self::ids::XRay;
pub use self::propagation::headers;
pub(crate) use self::propagation::incoming;
pub(crate) use self::provider::SHUTDOWN_LIMIT;
pub use self::provider::{Service, shut_down, start};
pub(crate) use self::server::{Answered, Server};
pub use self::span::{Call, Client, Shared};
