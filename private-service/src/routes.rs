//! Every URL of the service:
//!
//! | URL             | answers                                                     |
//! |-----------------|-------------------------------------------------------------|
//! | `/`             | the identity of the ECS task, from its metadata             |
//! | `/health`       | 200 while the process answers                               |
//! | `/ready`        | 200 unless the process was told to stop                     |
//! | `/docs`         | the API, to read and to try                                 |
//! | `/openapi.json` | the API, for programs                                       |

use actix_web::web::{self, ServiceConfig};
use causeway_common::contract::{TASK_METADATA_NOT_CONFIGURED, TASK_METADATA_UNAVAILABLE, TaskIdentity};
use causeway_common::http::docs;
use causeway_common::http::health::{self, Status};
use causeway_common::http::problem::{Problem, ProblemBody};
use causeway_common::http::route::route;
use causeway_common::shutdown::Draining;
use utoipa::OpenApi;

use crate::task_metadata::{TaskMetadata, handlers};

/// The API's description.
#[derive(OpenApi)]
#[openapi(
    info(title = "private-service", description = "Tells the identity of the ECS task that it runs in."),
    paths(handlers::identity, health::health, ready),
    components(schemas(TaskIdentity, Status, ProblemBody))
)]
struct ApiDoc;

/// Adds every route; runs once on each worker.
pub fn routes(metadata: TaskMetadata) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let metadata = web::Data::new(metadata);
    move |routes| {
        routes
            .app_data(metadata.clone())
            .service(route("/").get(handlers::identity))
            .service(route("/health").get(health::health))
            .service(route("/ready").get(ready));
        docs::mount(routes, ApiDoc::openapi(), &[&[&TASK_METADATA_NOT_CONFIGURED, &TASK_METADATA_UNAVAILABLE]]);
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
