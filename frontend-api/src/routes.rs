//! Every URL of frontend-api.

use actix_web::web::{Data, Json, ServiceConfig};
use causeway_common::http::docs;
use causeway_common::http::health::{self, Status};
use causeway_common::http::metrics;
use causeway_common::http::problem::{Kind, Problem, ProblemBody};
use causeway_common::http::route::route;
use causeway_common::shutdown::Draining;
use utoipa::OpenApi;

use crate::database::{DATABASE_UNAVAILABLE, Database};
use crate::{doctor, private_service, visits};

/// Adds them all.
pub fn mount(routes: &mut ServiceConfig) {
    routes
        .service(route("/").get_without_head(visits::handlers::register))
        .service(route("/recent-visits").get(visits::handlers::recent))
        .service(route("/ecs-private-service").get(private_service::handlers::ask))
        .service(route("/test-connection").get(doctor::handlers::test_connection))
        .service(route("/metrics").get(metrics::metrics))
        .service(route("/health").get(health::health))
        .service(route("/ready").get(ready));
    docs::mount(routes, Api::openapi(), KINDS);
}

/// The problems that the features report.
const KINDS: &[&[&Kind]] =
    &[visits::KINDS, private_service::KINDS, doctor::handlers::KINDS, metrics::KINDS, &[&DATABASE_UNAVAILABLE]];

#[derive(OpenApi)]
#[openapi(
    info(title = "Causeway frontend-api", description = "Records visits and reaches private things in a VPC."),
    paths(
        visits::handlers::register,
        visits::handlers::recent,
        private_service::handlers::ask,
        doctor::handlers::test_connection,
        metrics::metrics,
        health::health,
        ready,
    )
)]
struct Api;

/// Readiness: the database can be used and this instance is not stopping.
#[utoipa::path(get, path = "/ready", tag = "health", responses(
    (status = 200, body = Status),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
async fn ready(draining: Data<Draining>, database: Data<Database>) -> Result<Json<Status>, Problem> {
    let dependencies = database.availability().check().map_err(Problem::from);
    health::ready(&draining, dependencies).map(Json)
}
