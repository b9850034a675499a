//! `/health` and `/ready`: alive, and able to serve.

use std::time::Duration;

use actix_web::http::StatusCode;

use crate::http::problem::Problem;
use crate::shutdown::Draining;

/// `{"Status":"Healthy"}`, or `{"Status":"Ready"}`.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Status {
    /// `Healthy` or `Ready`.
    #[serde(rename = "Status")]
    #[schema(example = "Healthy")]
    pub status: &'static str,
}

/// Liveness: the process answers. It depends on nothing else, so that a restart is never the answer to another's fault.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Status)))]
pub async fn health() -> actix_web::web::Json<Status> {
    actix_web::web::Json(Status { status: "Healthy" })
}

/// What `/ready` answers when the dependencies are in the state `dependencies`.
///
/// # Errors
/// The dependencies' problem, or that this process is stopping.
pub fn ready(draining: &Draining, dependencies: Result<(), Problem>) -> Result<Status, Problem> {
    if draining.is_set() {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "draining",
            "Shutting down",
            "This instance was told to stop and finishes what it has; another one takes new requests.",
        )
        .retry_after(Duration::from_secs(1)));
    }
    dependencies.map(|()| Status { status: "Ready" })
}
