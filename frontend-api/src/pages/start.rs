//! `/app`: the form for a new entry and the newest ones for who is signed in, otherwise what this service is.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::page::{Asset, Page, State};
use causeway_common::http::problem::Problem;
use maud::{Markup, html};

use super::diary::{EntryForm, entries, no_entries};
use super::form::{Mistakes, go_to};
use super::sign_in::forms::{made_up, sign_in_fields, sign_up_fields, warning};
use super::{DIARY, HOME, SIGN_IN, SIGN_UP, SITE};
use crate::auth::{NOT_SIGNED_IN, Session, UserId, cookie};
use crate::diaries::{self, Diaries, Diary};

/// Entries that are shown beside the form.
const NEWEST: u16 = 3;

/// Shows the page that fits the caller.
pub async fn show(
    session: Result<Session, Problem>,
    request: HttpRequest,
    diaries: web::Data<Diaries>,
) -> Result<HttpResponse, Problem> {
    match session {
        Ok(session) => {
            let newest = diaries.list(session.user, i64::MAX, NEWEST).await?.diaries;
            let images = super::diary::origin_for(&diaries, &newest).await;
            let assets = &[Asset::Forms, Asset::Diary, Asset::Live, Asset::Entry];
            let page = Page { title: "Start", current: HOME, content: home(session.user, &newest), assets, images };
            Ok(SITE.respond(&request, StatusCode::OK, &page))
        }
        Err(problem) if problem.kind().slug != NOT_SIGNED_IN.slug => Err(problem),
        // The cookie of a session that has ended is in the way.
        Err(_) if cookie::is_kept(&request) => Ok(go_to(HOME, Some(cookie::clear()))),
        Err(_) => {
            let assets = &[Asset::Forms, Asset::Path];
            let page = Page { title: "Start", current: HOME, content: welcome(&request), assets, images: None };
            Ok(SITE.respond(&request, StatusCode::OK, &page))
        }
    }
}

fn home(user: UserId, newest: &[Diary]) -> Markup {
    let key = diaries::new_key();
    html! {
        div.halves {
            div.stack { h1 { "New entry" } (EntryForm::empty(&key, user).render()) }
            div.stack {
                div.row.between { h2 { "Newest entries" } @if !newest.is_empty() { a href=(DIARY) { "All entries" } } }
                @if newest.is_empty() { (no_entries(false)) } @else { (entries(newest, false)) }
            }
        }
    }
}

fn welcome(request: &HttpRequest) -> Markup {
    let (name, email) = made_up();
    let none = Mistakes::default();
    html! {
        div.halves {
            div.stack {
                h1.big { "From a public API to what is private" }
                p.lead {
                    "This service is open to everyone. What it needs is not: a database, a private service, a store for \
                     pictures. When the path to one of them breaks, it names the hop that failed and how to fix it."
                }
                (tour())
                (warning(request))
            }
            div.stack.side {
                section.card.stack aria-labelledby="up" {
                    h2 id="up" { "Sign up and keep a diary" }
                    form.stack method="post" action=(SIGN_UP) {
                        (sign_up_fields(&name, &email, &none))
                        button.go { "Sign up" }
                    }
                }
                section.card.stack aria-labelledby="in" {
                    h2 id="in" { "Sign in" }
                    form.stack method="post" action=(SIGN_IN) {
                        (sign_in_fields("", &none, false))
                        button { "Sign in" }
                    }
                }
            }
            (links())
        }
    }
}

/// The first two hops work, otherwise this page would not be read. The others are not checked here: a check wakes a database that
/// pauses.
fn tour() -> Markup {
    let hops = [
        (State::Ok, "You", "a browser"),
        (State::Ok, "This service", "App Runner or ECS Express"),
        (State::Skipped, "VPC connector", "the way into the VPC"),
        (State::Skipped, "Private things", "database, service, pictures"),
    ];
    html! {
        ol.path.tour role="list" aria-label="The way of a request" {
            @for (state, name, what) in hops {
                li data-is=(state.name()) { (state.icon()) b { (name) } " " small { (what) } }
            }
        }
    }
}

fn links() -> Markup {
    let links = [
        ("/app/system", "System", "Every hop to every dependency, checked while you look."),
        ("/app/visits", "Visits", "The newest ten calls, each in the database before it was answered."),
        ("/docs/", "API", "All of this as JSON, for programs."),
    ];
    html! {
        ul.links role="list" {
            @for (path, name, what) in links { li { a href=(path) { (name) } p.soft { (what) } } }
        }
    }
}
