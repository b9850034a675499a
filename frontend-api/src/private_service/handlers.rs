//! | method | path                   | answer |
//! |--------|------------------------|--------|
//! | GET    | `/ecs-private-service` | `{"Response": {"TaskArn", "Cluster", "LaunchType", "ServiceName", "IpAddress"}}` |

use actix_web::web;
use causeway_common::contract::TaskIdentity;
use causeway_common::http::problem::{Problem, ProblemBody};
use serde::Serialize;
use utoipa::ToSchema;

use super::PrivateService;

/// What the private service answered.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PrivateServiceAnswer {
    response: TaskIdentity,
}

/// Asks the private service for the identity of the task that runs it.
#[utoipa::path(get, path = "/ecs-private-service", tag = "private service", responses(
    (status = 200, description = "The identity of one task of the private service", body = PrivateServiceAnswer),
    (status = 502, description = "The private service cannot be reached, or failed", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "No private service is configured, or too many requests are under way", body = ProblemBody, content_type = "application/problem+json"),
    (status = 504, description = "The private service did not answer in time", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn ask(service: web::Data<PrivateService>) -> Result<web::Json<PrivateServiceAnswer>, Problem> {
    Ok(web::Json(PrivateServiceAnswer { response: service.identity().await? }))
}
