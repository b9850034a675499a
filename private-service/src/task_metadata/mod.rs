//! The identity of this task, from the ECS task metadata endpoint, version 4.
//!
//! `client` reads the endpoint's two `documents`, `identity` makes an answer of them, `cache` decides when to read and
//! what to serve meanwhile, `handlers` answer requests.

mod cache;
mod client;
mod documents;
pub mod handlers;
mod identity;
mod state;

pub use cache::TaskMetadata;
