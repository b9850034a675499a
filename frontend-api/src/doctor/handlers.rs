//! | method | path               | answer |
//! |--------|--------------------|--------|
//! | GET    | `/test-connection` | `{"Response":"<one line of text>"}`: 200 when the target can be reached, else 503 |

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use causeway_common::error::{Problem, ProblemBody};
use serde::Serialize;
use utoipa::ToSchema;

use super::target::{self, TargetConfig};
use crate::database::CredentialsProvider;

/// How the attempt to connect went, in one line.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ConnectionTest {
    #[schema(example = "Connection to db.internal (10.0.1.7) port 5432 succeeded!")]
    response: String,
}

/// Tries to connect to `TARGET:TARGETPORT`, or to the database's host and port.
#[utoipa::path(get, path = "/test-connection", tag = "connectivity", responses(
    (status = 200, body = ConnectionTest),
    (status = 503, description = "The target can't be reached", body = ConnectionTest),
    (status = 503, description = "Where the target is can't be told", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn test_connection(
    target: web::Data<TargetConfig>,
    credentials: web::Data<CredentialsProvider>,
) -> Result<HttpResponse, Problem> {
    let (host, port) = match (&target.host, target.port) {
        (Some(host), Some(port)) => (host.clone(), port),
        (host, port) => {
            let database = Arc::clone(&credentials).current().await.map_err(|error| Problem::from(&error.into()))?;
            (host.clone().unwrap_or_else(|| database.host.clone()), port.unwrap_or(database.port))
        }
    };
    Ok(match target::reach(&host, port).await {
        Ok(response) => HttpResponse::Ok().json(ConnectionTest { response }),
        Err(response) => HttpResponse::ServiceUnavailable().json(ConnectionTest { response }),
    })
}
