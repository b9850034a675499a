//! `GET /`.

use actix_web::web;
use causeway_common::contract::TaskIdentity;
use causeway_common::http::problem::{Problem, ProblemBody};

use super::cache::TaskMetadata;

/// The identity of the task that answers.
///
/// What ECS does not report is null. The answer comes from memory: it is the last one that the metadata endpoint gave,
/// and is refreshed after the answer.
#[utoipa::path(get, path = "/", tag = "identity", responses(
    (status = 200, description = "The newest complete identity; if there is none, the newest incomplete one", body = TaskIdentity),
    (
        status = 503, description = "No metadata endpoint, or none that answers", body = ProblemBody,
        content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds"))
    ),
))]
pub async fn identity(metadata: web::Data<TaskMetadata>) -> Result<web::Json<TaskIdentity>, Problem> {
    Ok(web::Json(metadata.identity().await?))
}
