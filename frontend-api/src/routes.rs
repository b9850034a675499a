//! Every URL of frontend-api.

use actix_web::web::{Data, Json, ServiceConfig};
use causeway_common::http::docs;
use causeway_common::http::health::{self, Status};
use causeway_common::http::metrics;
use causeway_common::http::problem::{Kind, Problem, ProblemBody};
use causeway_common::http::route::{self, Route, route};
use causeway_common::shutdown::Draining;
use utoipa::openapi::OpenApi as OpenApiDocument;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::database::{DATABASE_UNAVAILABLE, Database};
use crate::{auth, batch, diaries, doctor, pages, private_service, sessions, users, visits};

/// The API. The OpenAPI document describes each of these, which a test checks.
fn api() -> Vec<Route> {
    let changing = |path| route(path).check(auth::cross_site::check);
    vec![
        route("/").get_without_head(visits::handlers::register),
        route("/recent-visits").get(visits::handlers::recent),
        changing("/users").get(users::handlers::list).post(users::handlers::create),
        changing("/users/{id}").get(users::handlers::show).put(users::handlers::change).delete(users::handlers::delete),
        changing("/sessions").get(sessions::handlers::list).post(sessions::handlers::create),
        changing("/sessions/current").delete(sessions::handlers::end_current),
        changing("/sessions/{id}").delete(sessions::handlers::end),
        changing("/diaries")
            .get(diaries::handlers::list)
            .post(diaries::handlers::create)
            .limits(diaries::handlers::UPLOAD),
        changing("/diaries/{id}")
            .get(diaries::handlers::show)
            .put(diaries::handlers::change)
            .delete(diaries::handlers::delete),
        changing("/diaries/{id}/restore").post(diaries::handlers::restore),
        route("/diaries/{id}/image").get(diaries::handlers::image),
        route("/ecs-private-service").get(private_service::handlers::ask),
        route("/test-connection").get(pages::system::test_connection),
        route("/metrics").get(metrics::metrics),
        route("/health").get(health::health),
        route("/ready").get(ready),
    ]
}

/// Adds them all.
pub fn mount(routes: &mut ServiceConfig) {
    route::mount(routes, api());
    pages::mount(routes);
    docs::mount(routes, &pages::SITE, Api::openapi(), KINDS);
}

/// The problems that the features report.
const KINDS: &[&[&Kind]] = &[
    visits::KINDS,
    users::KINDS,
    diaries::KINDS,
    private_service::KINDS,
    doctor::handlers::KINDS,
    metrics::KINDS,
    auth::KINDS,
    batch::KINDS,
    &[&DATABASE_UNAVAILABLE],
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Causeway frontend-api",
        description = "Records visits, keeps users, sessions and diaries, and reaches private resources in a VPC."
    ),
    paths(
        visits::handlers::register,
        visits::handlers::recent,
        users::handlers::create,
        users::handlers::list,
        users::handlers::show,
        users::handlers::change,
        users::handlers::delete,
        sessions::handlers::create,
        sessions::handlers::list,
        sessions::handlers::end_current,
        sessions::handlers::end,
        diaries::handlers::create,
        diaries::handlers::list,
        diaries::handlers::show,
        diaries::handlers::change,
        diaries::handlers::delete,
        diaries::handlers::restore,
        diaries::handlers::image,
        private_service::handlers::ask,
        doctor::handlers::test_connection,
        metrics::metrics,
        health::health,
        ready,
    ),
    modifiers(&Credentials)
)]
struct Api;

/// How a caller can authenticate.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, openapi: &mut OpenApiDocument) {
        let bearer = |description| {
            SecurityScheme::Http(
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build(),
            )
        };
        let cookie = ApiKeyValue::with_description("__Host-session", "The cookie that POST /sessions sets");
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        components.add_security_scheme("bearer", bearer("The token that POST /sessions returns"));
        components.add_security_scheme("admin", bearer("ADMIN_TOKEN"));
    }
}

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
