//! Every URL of the service:
//!
//! | URL             | answers                                                     |
//! |-----------------|-------------------------------------------------------------|
//! | `/`             | the identity of the ECS task, from its metadata             |
//! | `/api/books`…   | the catalogue, as far as `CATALOGUE` names it               |
//! | `/metrics`      | the metrics, for Prometheus                                 |
//! | `/health`       | 200 while the process answers                               |
//! | `/ready`        | 200 unless the process is stopping                          |
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
use causeway_common::http::route::{Route, mount, route};
use causeway_common::shutdown::Draining;
use utoipa::OpenApi;

use crate::catalogue::{self, Catalogue, Collection, Record, handlers as records};
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

/// The problems that the features report.
const KINDS: &[&[&Kind]] =
    &[&[&TASK_METADATA_NOT_CONFIGURED, &TASK_METADATA_UNAVAILABLE], catalogue::KINDS, metrics::KINDS];

static SITE: Site = Site { home: "/docs/", links: &[("/docs/", "API"), ("/problems", "Problems")], members: None };

/// What every task serves. The OpenAPI document describes each of these and of the next, which a test checks.
fn api() -> Vec<Route> {
    vec![
        route("/").get(handlers::identity),
        route("/metrics").get(metrics::metrics),
        route("/health").get(health::health),
        route("/ready").get(ready),
    ]
}

/// A part of the catalogue. `mount` puts the health check before the single record: `health` would be taken for an id.
fn part<T: Record>() -> Vec<Route> {
    let [list, check, item] = T::PATHS;
    vec![route(list).get(records::list::<T>), route(check).get(health::health), route(item).get(records::item::<T>)]
}

/// Adds every route; runs once on each worker.
pub fn routes(
    access: Access,
    metadata: TaskMetadata,
    catalogue: Catalogue,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (access, metadata) = (web::Data::new(access), web::Data::new(metadata));
    move |config| {
        config.app_data(access.clone()).app_data(metadata.clone());
        let (mut routes, mut description) = (api(), ApiDoc::openapi());
        add(&mut routes, &mut description, config, catalogue.books.as_ref());
        add(&mut routes, &mut description, config, catalogue.authors.as_ref());
        mount(config, routes);
        docs::mount(config, &SITE, description, KINDS);
    }
}

/// Adds a part that this instance serves.
fn add<T: Record>(
    routes: &mut Vec<Route>,
    description: &mut utoipa::openapi::OpenApi,
    config: &mut ServiceConfig,
    records: Option<&web::Data<Collection<T>>>,
) {
    let Some(records) = records else { return };
    config.app_data(records.clone());
    description.merge(catalogue::describe::<T>());
    routes.extend(part::<T>());
}

/// Readiness: 200 unless this process is stopping.
///
/// The metadata endpoint does not count. Each task has its own endpoint, so sending requests to another instance repairs
/// nothing, and a short failure of all of them must not empty the load balancer.
#[utoipa::path(get, path = "/ready", tag = "health", responses(
    (status = 200, description = "The instance takes requests", body = Status),
    (status = 503, description = "The instance is stopping", body = ProblemBody, content_type = "application/problem+json"),
))]
async fn ready(draining: web::Data<Draining>) -> Result<web::Json<Status>, Problem> {
    health::ready(&draining, Ok(())).map(web::Json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Author, Book};

    #[test]
    fn the_openapi_document_describes_every_route_and_no_other() {
        let mut description = ApiDoc::openapi();
        description.merge(catalogue::describe::<Book>());
        description.merge(catalogue::describe::<Author>());
        let routes: Vec<Route> = [api(), part::<Book>(), part::<Author>()].into_iter().flatten().collect();
        assert_eq!(docs::mistakes(&description, &routes), Vec::<String>::new());
    }
}
