//! Black-box tests: the real binary on a real port, with a stand-in for the ECS task metadata endpoint.

#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, but clippy does not count their helpers")]

mod caching;
mod catalogue;
mod catalogue_balanced;
mod catalogue_deployed;
mod configuration;
mod endpoint_failures;
mod fixtures;
mod helpers;
mod http;
mod identity;
mod metrics;
mod shutdown;
