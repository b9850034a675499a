//! `/health` and `/ready`: alive, and able to serve.

use crate::http::problem::{DRAINING, Problem};
use crate::shutdown::Draining;

/// `{"Status":"Healthy"}`, or `{"Status":"Ready"}`.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Status {
    /// `Healthy` or `Ready`.
    #[serde(rename = "Status")]
    #[schema(example = "Healthy")]
    pub status: &'static str,
}

/// Liveness: the process answers. It depends on nothing else, so that the fault of a dependency never restarts the process.
#[utoipa::path(get, path = "/health", tag = "health", responses(
    (status = 200, description = "The process answers", body = Status),
))]
pub async fn health() -> actix_web::web::Json<Status> {
    actix_web::web::Json(Status { status: "Healthy" })
}

/// Returns the answer of `/ready`, given the state of the dependencies.
///
/// # Errors
/// The dependencies' problem, or [`DRAINING`] if this process is stopping.
pub fn ready(draining: &Draining, dependencies: Result<(), Problem>) -> Result<Status, Problem> {
    if draining.is_set() {
        let detail = "This instance is stopping. It finishes its open requests; another instance serves new ones.";
        return Err(Problem::new(&DRAINING, detail));
    }
    dependencies.map(|()| Status { status: "Ready" })
}
