//! The pages for people, below `/app`. They call the same methods as the API, and work without a script.
//!
//! | method    | path                         | answer |
//! |-----------|------------------------------|--------|
//! | GET       | `/app`                       | the form for a new entry, or what this service is |
//! | GET, POST | `/app/diary`                 | one's own entries; POST writes one |
//! | POST      | `/app/diary/sign-in`         | signs in and saves what was being written |
//! | GET, POST | `/app/diary/{id}`            | an entry in a form; POST changes it |
//! | POST      | `/app/diary/{id}/delete`     | deletes an entry |
//! | POST      | `/app/diary/{id}/restore`    | takes that back |
//! | GET       | `/app/visits`                | the newest visits |
//! | GET, POST | `/app/sign-up`               | a form; POST signs up and in |
//! | GET, POST | `/app/sign-in`               | a form; POST signs in |
//! | POST      | `/app/sign-out`              | signs out |
//! | GET       | `/app/users`                 | who has signed up |
//! | GET       | `/app/account`               | one's own name, email, password and sessions |
//! | POST      | `/app/account/name`          | changes the name |
//! | POST      | `/app/account/credentials`   | changes email and password |
//! | POST      | `/app/account/sessions`      | signs out everywhere else |
//! | POST      | `/app/account/sessions/{id}` | signs out there |
//! | POST      | `/app/account/delete`        | deletes the account |
//! | GET       | `/test-connection/faults`    | every fault that the doctor distinguishes; below it, each explained |
//! | GET, POST | `/app/system`                | the doctor's report; POST takes the admin token, for this answer alone |
//!
//! A form that is accepted ends with a redirect, so that going back and reloading send nothing twice. Who is not signed in is sent
//! to the form that signs in.

mod account;
mod diary;
mod faults;
mod form;
mod sign_in;
mod start;
pub mod system;
mod times;
mod users;
mod visits;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::SET_COOKIE;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use causeway_common::http::limits::Limits;
use causeway_common::http::page::{Members, Site, problems_as_pages};
use causeway_common::http::problem::{Problem, not_found};
use causeway_common::http::route::route;

use crate::auth::{NOT_SIGNED_IN, cookie, cross_site};
use crate::diaries;

const HOME: &str = "/app";
const SIGN_IN: &str = "/app/sign-in";
const SIGN_UP: &str = "/app/sign-up";
const USERS: &str = "/app/users";
const ACCOUNT: &str = "/app/account";

const DIARY: &str = "/app/diary";
const RESUME: &str = "/app/diary/sign-in";
const VISITS: &str = "/app/visits";
const SYSTEM: &str = "/app/system";

/// Of a text: each of its characters can need twelve bytes.
const TEXT: Limits = Limits { bytes: 256 * 1024, time: std::time::Duration::from_secs(30), bytes_per_second: 4 * 1024 };

/// Of the forms that sign in and up: a name, an email and a password.
const SHORT: Limits = Limits { bytes: 8 * 1024, time: std::time::Duration::from_secs(10), bytes_per_second: 0 };

/// The navigation of all pages.
pub static SITE: Site = Site {
    home: HOME,
    links: &[(HOME, "Start"), (VISITS, "Visits"), (SYSTEM, "System"), ("/docs/", "API")],
    members: Some(Members {
        links: &[
            (HOME, "Start"),
            (DIARY, "Diary"),
            (USERS, "Users"),
            (VISITS, "Visits"),
            (SYSTEM, "System"),
            (ACCOUNT, "Account"),
        ],
        sign_out: "/app/sign-out",
        keeps_session: cookie::is_kept,
    }),
};

/// Adds the pages.
pub fn mount(routes: &mut ServiceConfig) {
    let page = |path| route(path).check(cross_site::check);
    routes.service(
        web::scope(HOME)
            .service(page("").get(start::show))
            .service(page("/visits").get(visits::show))
            .service(page("/sign-up").get(sign_in::show_sign_up).post(sign_in::sign_up).limits(SHORT))
            .service(page("/sign-in").get(sign_in::show).post(sign_in::sign_in).limits(SHORT))
            .service(page("/sign-out").post(sign_in::sign_out))
            .service(page("/diary").get(diary::list).post(diary::write::write).limits(diaries::DRAFT))
            .service(page("/diary/sign-in").post(diary::resume::sign_in).limits(TEXT))
            .service(page("/diary/{id}").get(diary::edit).post(diary::save).limits(TEXT))
            .service(page("/diary/{id}/delete").post(diary::delete))
            .service(page("/diary/{id}/restore").post(diary::restore))
            .service(page("/users").get(users::show))
            .service(page("/account").get(account::show))
            .service(page("/account/name").post(account::rename))
            .service(page("/account/credentials").post(account::change))
            .service(page("/account/sessions").post(account::end_others))
            .service(page("/account/sessions/{id}").post(account::end))
            .service(page("/account/delete").post(account::delete))
            .service(page("/system").get(system::show).post(system::show_all))
            .default_service(web::to(not_found))
            .wrap(from_fn(sign_in_first))
            .wrap(from_fn(|request, next| problems_as_pages(&SITE, request, next))),
    );
    routes
        .service(route("/test-connection/faults").get(faults::list))
        .service(route("/test-connection/faults/{code}").get(faults::show));
}

/// Sends a browser that wants to see a page and is not signed in to the form that signs in. A form that it sends is answered
/// with that form.
async fn sign_in_first(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let mut response = next.call(request).await?;
    let problem = response.response().error().and_then(|error| error.as_error::<Problem>());
    let not_signed_in = problem.is_some_and(|problem| problem.kind().slug == NOT_SIGNED_IN.slug);
    if !not_signed_in {
        return Ok(response);
    }
    let forget = cookie::is_kept(response.request()).then(cookie::clear);
    if response.request().method().is_safe() {
        let (request, _) = response.into_parts();
        let to = sign_in::back::sign_in_and_back(&request);
        return Ok(ServiceResponse::new(request, form::go_to(&to, forget)));
    }
    // A form of the diary has its answer already, which carries what was typed.
    if !response.response().headers().contains_key(SET_COOKIE) {
        SITE.answer_instead(response.request(), false, &sign_in::ask_again(response.request()));
        if let Some(forget) = forget {
            response.response_mut().add_cookie(&forget)?;
        }
    }
    Ok(response)
}
