//! Every URL of the service:
//!
//! | URL             | answers                                                     |
//! |-----------------|-------------------------------------------------------------|
//! | `/`             | the identity of the ECS task, from its metadata             |
//! | `/api/books`…   | the catalogue, as far as `CATALOGUE` names it               |
//! | `/metrics`      | the metrics, for Prometheus                                 |
//! | `/health`       | 200 while the process answers                               |
//! | `/ready`        | 200 unless the process was told to stop                     |
//! | `/docs`         | the API, to read and to try                                 |
//! | `/openapi.json` | the API, for programs                                       |

use actix_web::web::{self, ServiceConfig};
use causeway_common::contract::{TASK_METADATA_NOT_CONFIGURED, TASK_METADATA_UNAVAILABLE, TaskIdentity};
use causeway_common::http::access::Access;
use causeway_common::http::docs;
use causeway_common::http::health::{self, Status};
use causeway_common::http::metrics;
use causeway_common::http::page::Site;
use causeway_common::http::problem::{Kind, Problem, ProblemBody};
use causeway_common::http::route::{Route, route};
use causeway_common::shutdown::Draining;
use utoipa::OpenApi;

use crate::catalogue::{self, Catalogue, handlers as records};
use crate::task_metadata::{TaskMetadata, handlers};

/// The API's description.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "private-service",
        description = "Reports the identity of the ECS task that it runs in, and serves books and authors."
    ),
    paths(handlers::identity, metrics::metrics, health::health, ready),
    components(schemas(TaskIdentity, Status, ProblemBody))
)]
struct ApiDoc;

#[derive(OpenApi)]
#[openapi(paths(records::books, records::book, records::books_health))]
struct Books;

#[derive(OpenApi)]
#[openapi(paths(records::authors, records::author, records::authors_health))]
struct Authors;

/// The problems that the features report.
const KINDS: &[&[&Kind]] =
    &[&[&TASK_METADATA_NOT_CONFIGURED, &TASK_METADATA_UNAVAILABLE], catalogue::KINDS, metrics::KINDS];

static SITE: Site = Site { home: "/docs/", links: &[("/docs/", "API"), ("/problems", "Problems")] };

/// What every task serves. The OpenAPI document describes each of these and of the next two, which a test checks.
fn api() -> Vec<Route> {
    vec![
        route("/").get(handlers::identity),
        route("/metrics").get(metrics::metrics),
        route("/health").get(health::health),
        route("/ready").get(ready),
    ]
}

/// The health check goes first: `health` would be taken for an id.
fn books() -> Vec<Route> {
    vec![
        route("/api/books").get(records::books),
        route("/api/books/health").get(records::books_health),
        route("/api/books/{id}").get(records::book),
    ]
}

fn authors() -> Vec<Route> {
    vec![
        route("/api/authors").get(records::authors),
        route("/api/authors/health").get(records::authors_health),
        route("/api/authors/{id}").get(records::author),
    ]
}

/// Adds every route; runs once on each worker.
pub fn routes(
    access: Access,
    metadata: TaskMetadata,
    catalogue: Catalogue,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (access, metadata) = (web::Data::new(access), web::Data::new(metadata));
    move |routes| {
        routes.app_data(access.clone()).app_data(metadata.clone()).service(api());
        let mut description = ApiDoc::openapi();
        if let Some(data) = &catalogue.books {
            description.merge(Books::openapi());
            routes.app_data(data.clone()).service(books());
        }
        if let Some(data) = &catalogue.authors {
            description.merge(Authors::openapi());
            routes.app_data(data.clone()).service(authors());
        }
        docs::mount(routes, &SITE, description, KINDS);
    }
}

/// Readiness: 200 unless this process is stopping.
///
/// The metadata endpoint has no say. Each task has its own, so sending requests to another instance repairs nothing,
/// and a hiccup of all of them at once must not empty the load balancer: a 503 from `/` tells its caller more.
#[utoipa::path(get, path = "/ready", tag = "health", responses(
    (status = 200, description = "Not told to stop", body = Status),
    (status = 503, description = "Told to stop", body = ProblemBody, content_type = "application/problem+json"),
))]
async fn ready(draining: web::Data<Draining>) -> Result<web::Json<Status>, Problem> {
    health::ready(&draining, Ok(())).map(web::Json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_openapi_document_describes_every_route_and_no_other() {
        let mut description = ApiDoc::openapi();
        description.merge(Books::openapi());
        description.merge(Authors::openapi());
        let routes: Vec<Route> = [api(), books(), authors()].into_iter().flatten().collect();
        assert_eq!(docs::mistakes(&description, &routes), Vec::<String>::new());
    }
}
