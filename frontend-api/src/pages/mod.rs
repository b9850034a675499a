//! The pages for people, below `/app`. They call the same methods as the API, and work without a script.
//!
//! | method    | path          | answer |
//! |-----------|---------------|--------|
//! | GET       | `/app`        | what this service is |
//! | GET       | `/app/visits` | the newest visits |
//! | GET, POST | `/app/system` | the doctor's report; POST takes the admin token, for this answer alone |

mod start;
mod system;
mod visits;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use causeway_common::http::page::{Site, problems_as_pages};
use causeway_common::http::problem::not_found;
use causeway_common::http::route::route;

/// The navigation of all pages.
pub static SITE: Site = Site {
    home: "/app",
    links: &[("/app", "Start"), ("/app/visits", "Visits"), ("/app/system", "System"), ("/docs/", "API")],
};

/// Adds the pages.
pub fn mount(routes: &mut ServiceConfig) {
    routes.service(
        web::scope("/app")
            .service(route("").get(start::show))
            .service(route("/visits").get(visits::show))
            .service(route("/system").get(system::show).post(system::show_all))
            .default_service(web::to(not_found))
            .wrap(from_fn(|request, next| problems_as_pages(&SITE, request, next))),
    );
}
