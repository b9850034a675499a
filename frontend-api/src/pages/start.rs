//! `/app`: what this service is.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use causeway_common::http::page::{Page, State};
use maud::html;

use super::SITE;

/// Shows what this service is and where to go.
pub async fn show() -> HttpResponse {
    let hops = [
        ("You", "a browser"),
        ("This service", "App Runner or ECS Express"),
        ("VPC connector", "the way into the VPC"),
        ("Private things", "database, private service"),
    ];
    let links = [
        ("/app/sign-up", "Sign up", "A name, an email and a password; the first two are made up for you."),
        ("/app/sign-in", "Sign in", "For those who have an account."),
        ("/app/system", "System", "Every hop to every dependency, checked while you look."),
        ("/app/visits", "Visits", "The newest ten calls, each in the database before it was answered."),
        ("/docs/", "API", "All of this as JSON, for programs."),
    ];
    let content = html! {
        div.stack {
            h1.big { "From a public API to what is private" }
            p.lead {
                "This service is open to everyone. What it needs is not: a database, a private service. When the path to \
                 one of them breaks, this service names the hop that failed and how to fix it."
            }
            ol.path.tour role="list" aria-label="The way of a request" {
                @for (name, what) in hops {
                    li data-is=(State::Skipped.name()) { (State::Skipped.icon()) b { (name) } " " small { (what) } }
                }
            }
            ul.links role="list" {
                @for (path, name, what) in links { li { a href=(path) { (name) } p.soft { (what) } } }
            }
        }
    };
    SITE.respond(StatusCode::OK, &Page { title: "Start", current: "/app", content })
}
