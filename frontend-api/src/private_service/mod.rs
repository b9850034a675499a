//! `GET /ecs-private-service`: asks the private service for its identity.

mod addresses;
mod client;
mod error;
pub mod handlers;

pub use self::client::{PrivateService, PrivateServiceConfig};
pub use self::error::KINDS;
