//! HTTP: the server, what surrounds each request, problems, and the client for other services.

pub mod access;
pub mod arriving;
pub mod body;
pub mod client;
mod connection;
pub mod docs;
pub mod etag;
pub mod health;
pub mod input;
pub mod limits;
mod matched;
pub mod metrics;
mod observe;
pub mod page;
pub mod problem;
pub mod request_id;
pub mod room;
pub mod route;
mod security_headers;
pub mod server;
pub mod slices;
mod unread;
