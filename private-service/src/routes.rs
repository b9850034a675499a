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
use causeway_common::http::problem::{Kind, Problem, ProblemBody};
use causeway_common::http::route::route;
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

/// Adds every route; runs once on each worker.
pub fn routes(
    access: Access,
    metadata: TaskMetadata,
    catalogue: Catalogue,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (access, metadata) = (web::Data::new(access), web::Data::new(metadata));
    move |routes| {
        routes
            .app_data(access.clone())
            .app_data(metadata.clone())
            .service(route("/").get(handlers::identity))
            .service(route("/metrics").get(metrics::metrics))
            .service(route("/health").get(health::health))
            .service(route("/ready").get(ready));
        let mut description = ApiDoc::openapi();
        if let Some(books) = &catalogue.books {
            description.merge(Books::openapi());
            // The health check goes first: `health` would be taken for an id.
            routes
                .app_data(books.clone())
                .service(route("/api/books").get(records::books))
                .service(route("/api/books/health").get(records::books_health))
                .service(route("/api/books/{id}").get(records::book));
        }
        if let Some(authors) = &catalogue.authors {
            description.merge(Authors::openapi());
            routes
                .app_data(authors.clone())
                .service(route("/api/authors").get(records::authors))
                .service(route("/api/authors/health").get(records::authors_health))
                .service(route("/api/authors/{id}").get(records::author));
        }
        docs::mount(routes, description, KINDS);
    }
}

/// Readiness: 200 unless this process is stopping.
///
/// The metadata endpoint has no say. Each task has its own, so sending requests to another instance repairs nothing,
/// and a hiccup of all of them at once must not empty the load balancer: a 503 from `/` tells its caller more.
#[utoipa::path(get, path = "/ready", tag = "health", responses(
    (status = 200, body = Status),
    (status = 503, description = "Told to stop", body = ProblemBody, content_type = "application/problem+json"),
))]
async fn ready(draining: web::Data<Draining>) -> Result<web::Json<Status>, Problem> {
    health::ready(&draining, Ok(())).map(web::Json)
}
