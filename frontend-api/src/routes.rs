//! Every URL of frontend-api.

use actix_web::web::{Data, Json, ServiceConfig};
use causeway_common::http::docs;
use causeway_common::http::health::{self, Status};
use causeway_common::http::metrics;
use causeway_common::http::problem::{Kind, Problem, ProblemBody};
use causeway_common::http::route::{Route, route};
use causeway_common::shutdown::Draining;
use utoipa::OpenApi;

use crate::database::{DATABASE_UNAVAILABLE, Database};
use crate::{doctor, pages, private_service, visits};

/// The API. The OpenAPI document describes each of these, which a test checks.
fn api() -> Vec<Route> {
    vec![
        route("/").get_without_head(visits::handlers::register),
        route("/recent-visits").get(visits::handlers::recent),
        route("/ecs-private-service").get(private_service::handlers::ask),
        route("/test-connection").get(doctor::handlers::test_connection),
        route("/metrics").get(metrics::metrics),
        route("/health").get(health::health),
        route("/ready").get(ready),
    ]
}

/// Adds them all.
pub fn mount(routes: &mut ServiceConfig) {
    routes.service(api());
    pages::mount(routes);
    docs::mount(routes, &pages::SITE, Api::openapi(), KINDS);
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
    (status = 200, description = "The database can be used", body = Status),
    (status = 503, description = "The database cannot be used, or this instance is stopping", body = ProblemBody, content_type = "application/problem+json"),
))]
async fn ready(draining: Data<Draining>, database: Data<Database>) -> Result<Json<Status>, Problem> {
    let dependencies = database.availability().check().map_err(Problem::from);
    health::ready(&draining, dependencies).map(Json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_openapi_document_describes_every_route_and_no_other() {
        assert_eq!(docs::mistakes(&Api::openapi(), &api()), Vec::<String>::new());
    }
}
