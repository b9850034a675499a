//! Stand-ins for what only AWS has, for tests, `make run`, Compose and the fault tests; never for production.
//!
//! | Module | Stands in for |
//! |---|---|
//! | [`metadata`] | the ECS task metadata endpoint, version 4 |
//! | [`secrets_manager`] | Secrets Manager with one secret |
//! | [`s3`] | S3, by the crate `s3s-fs`: a bucket is a folder |
//! | [`balancer`] | an Application Load Balancer with rules by path |

pub mod balancer;
pub mod metadata;
pub mod s3;
pub mod secrets_manager;
mod server;

pub use server::Server;

/// The access key id that the stand-ins of S3 and Secrets Manager accept.
pub const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
/// The secret part of that access key. S3 checks signatures with it; Secrets Manager checks none.
pub const SECRET_ACCESS_KEY: &str = "key-of-aws-itself";
