//! The hops on the way to a dependency.

use serde::Serialize;
use utoipa::ToSchema;

/// One hop, in the order in which a check goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    Configuration,
    Secret,
    Dns,
    Tcp,
    Tls,
    Credentials,
    Read,
    Authentication,
    Query,
    Writable,
    /// The service's own view of the database.
    Ready,
    /// How the newest requests ended.
    Requests,
    Http,
    Identity,
}

impl std::fmt::Display for StageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{self:?}").to_lowercase())
    }
}
