//! HTTP: the server, what surrounds each request, problems, and the client for other services.

pub mod access;
pub mod client;
mod connection;
pub mod docs;
pub mod health;
pub mod input;
pub mod limits;
pub mod metrics;
mod observe;
pub mod page;
pub mod problem;
pub mod request_id;
pub mod route;
pub mod server;
pub mod slices;
