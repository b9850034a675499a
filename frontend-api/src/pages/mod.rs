//! The pages for people, below `/app`. They call the same methods as the API, and work without a script.
//!
//! | method    | path                         | answer |
//! |-----------|------------------------------|--------|
//! | GET       | `/app`                       | what this service is |
//! | GET       | `/app/visits`                | the newest visits |
//! | GET, POST | `/app/sign-up`               | a form; POST signs up and in |
//! | GET, POST | `/app/sign-in`               | a form; POST signs in |
//! | POST      | `/app/sign-out`              | signs out |
//! | GET       | `/app/users`                 | who has signed up |
//! | GET       | `/app/account`               | one's own name, email, password and sessions |
//! | POST      | `/app/account/name`          | changes the name |
//! | POST      | `/app/account/credentials`   | changes email and password |
//! | POST      | `/app/account/sessions/{id}` | signs out there |
//! | POST      | `/app/account/delete`        | deletes the account |
//! | GET       | `/test-connection/faults`    | every fault that the doctor distinguishes |
//! | GET, POST | `/app/system`                | the doctor's report; POST takes the admin token, for this answer alone |
//!
//! A form that is accepted ends with a redirect, so that going back and reloading send nothing twice. Who is not signed in is sent
//! to the form that signs in.

mod account;
mod faults;
mod form;
mod sign_in;
mod start;
mod system;
mod users;
mod visits;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use causeway_common::http::page::{Site, problems_as_pages};
use causeway_common::http::problem::{Problem, not_found};
use causeway_common::http::route::route;

use crate::auth::{NOT_SIGNED_IN, cross_site};

const HOME: &str = "/app";
const SIGN_IN: &str = "/app/sign-in";
const SIGN_UP: &str = "/app/sign-up";
const USERS: &str = "/app/users";
const ACCOUNT: &str = "/app/account";

/// The navigation of all pages.
pub static SITE: Site = Site {
    home: HOME,
    links: &[
        (HOME, "Start"),
        (USERS, "Users"),
        ("/app/visits", "Visits"),
        ("/app/system", "System"),
        ("/docs/", "API"),
        (ACCOUNT, "Account"),
    ],
};

/// Adds the pages.
pub fn mount(routes: &mut ServiceConfig) {
    let page = |path| route(path).check(cross_site::check);
    routes.service(
        web::scope(HOME)
            .service(page("").get(start::show))
            .service(page("/visits").get(visits::show))
            .service(page("/sign-up").get(sign_in::show_sign_up).post(sign_in::sign_up))
            .service(page("/sign-in").get(sign_in::show).post(sign_in::sign_in))
            .service(page("/sign-out").post(sign_in::sign_out))
            .service(page("/users").get(users::show))
            .service(page("/account").get(account::show))
            .service(page("/account/name").post(account::rename))
            .service(page("/account/credentials").post(account::change))
            .service(page("/account/sessions/{id}").post(account::end))
            .service(page("/account/delete").post(account::delete))
            .service(page("/system").get(system::show).post(system::show_all))
            .default_service(web::to(not_found))
            .wrap(from_fn(|request, next| problems_as_pages(&SITE, request, next)))
            .wrap(from_fn(sign_in_first)),
    );
    routes.service(route("/test-connection/faults").get(faults::show));
}

/// Sends a browser that wants to see a page and is not signed in to the form that signs in.
async fn sign_in_first(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = next.call(request).await?;
    let problem = response.response().error().and_then(|error| error.as_error::<Problem>());
    let not_signed_in = problem.is_some_and(|problem| problem.kind().slug == NOT_SIGNED_IN.slug);
    if not_signed_in && response.request().method().is_safe() {
        let (request, _) = response.into_parts();
        return Ok(ServiceResponse::new(request, form::go_to(SIGN_IN, None)));
    }
    Ok(response)
}
