//! Problems with which many routes answer, described once for OpenAPI.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

/// Describes problems by their status.
pub fn describe<const N: usize>(problems: [(u16, &str); N]) -> BTreeMap<String, RefOr<Response>> {
    let response = |description| {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        ResponseBuilder::new().description(description).content("application/problem+json", content).build()
    };
    problems.into_iter().map(|(status, description)| (status.to_string(), response(description).into())).collect()
}

/// A route that reads JSON.
pub struct JsonBody;

impl IntoResponses for JsonBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        describe([
            (400, "The body is not JSON or did not arrive whole"),
            (408, "The body is too slow"),
            (413, "The body is too large"),
            (415, "The body is not `application/json`"),
        ])
    }
}
