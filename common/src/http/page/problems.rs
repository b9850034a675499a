//! `/problems` and `/problems/{slug}`: what the `type` of a problem refers to.

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::{Page, Site};
use crate::http::problem::{KINDS, Kind, Problem, Retry, not_found};
use crate::http::route::route;

/// The kinds of problems of this service, and the shell of its pages.
struct Problems {
    site: &'static Site,
    kinds: Vec<&'static Kind>,
}

/// Adds both pages to a service that reports `kinds` besides those that every service reports.
pub fn mount(routes: &mut ServiceConfig, site: &'static Site, kinds: &[&[&'static Kind]]) {
    let mut kinds: Vec<_> = KINDS.iter().chain(kinds.iter().copied().flatten()).copied().collect();
    kinds.sort_by_key(|kind| (kind.status, kind.slug));
    routes
        .app_data(Data::new(Problems { site, kinds }))
        .service(route("/problems").get(list))
        .service(route("/problems/{slug}").get(one));
}

async fn list(request: HttpRequest, problems: Data<Problems>) -> HttpResponse {
    let content = html! {
        div.narrow.stack {
            h1 { "Problems" }
            p.lead {
                "A failed request is answered with problem details (RFC 9457). Their " code { "type" }
                " is one of these; its page says what it means and whether trying again helps."
            }
            ul.links role="list" {
                @for kind in &problems.kinds {
                    li id=(kind.slug) { span.soft { (kind.status) } " " a href=(kind.uri()) { (kind.title) } }
                }
            }
        }
    };
    let page = Page { title: "Problems", current: "/problems", content, ..Page::default() };
    problems.site.respond_cacheable(&request, &page)
}

async fn one(request: HttpRequest, slug: web::Path<String>, problems: Data<Problems>) -> Result<HttpResponse, Problem> {
    let Some(kind) = problems.kinds.iter().find(|kind| kind.slug == *slug) else {
        return Err(not_found(request).await);
    };
    let content = html! {
        div.narrow.stack {
            h1 { (kind.title) }
            (explanation(kind))
            p { a href="/problems" { "All problems" } }
        }
    };
    let page = Page { title: kind.title, current: "/problems", content, ..Page::default() };
    Ok(problems.site.respond_cacheable(&request, &page))
}

fn explanation(kind: &Kind) -> Markup {
    let retry = match kind.retry {
        Retry::Later => "The same request can succeed later; Retry-After says when to try again.",
        Retry::Never => "The same request fails again until something is changed.",
    };
    html! {
        p { (kind.meaning) }
        p.soft { "Status " (kind.status) ". " (retry) }
        p.mono.soft { (kind.uri()) }
    }
}
