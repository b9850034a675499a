//! How routes refuse callers, described once for OpenAPI.

use std::collections::BTreeMap;

use causeway_common::http::problem::describe;
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

/// A route that shows what is one's own.
pub struct OwnShown;

impl IntoResponses for OwnShown {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        describe([(401, "Not signed in"), (403, "The admin has none of these")])
    }
}

/// A route that changes what is one's own.
pub struct OwnChanged;

impl IntoResponses for OwnChanged {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        describe([(401, "Not signed in"), (403, "A page of another site sent the request, or the admin did")])
    }
}
