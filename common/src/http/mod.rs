//! HTTP: the server, what surrounds each request, problems, and the client for other services.

pub mod access;
pub mod client;
pub mod docs;
pub mod health;
pub mod limits;
pub mod metrics;
mod observe;
pub mod problem;
pub mod route;
pub mod server;
