//! `/test-connection/faults`: the codes of the doctor; each has a page that says what it means and what to do.

use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::page::{Asset, Page};
use causeway_common::http::problem::{Problem, not_found};
use maud::html;

use super::{SITE, SYSTEM};
use crate::doctor::causes;

/// Lists every code, in the order in which a check goes.
pub async fn list(request: HttpRequest) -> HttpResponse {
    let content = html! {
        div.narrow.stack {
            h1 { "Faults" }
            p.lead {
                "The doctor distinguishes these. A report names one by its code. " a href=(SYSTEM) { "See the report" }
            }
            ul.links.many role="list" {
                @for cause in causes() { li { a href={ "faults/" (cause.code) } { (cause.code) } } }
            }
        }
    };
    SITE.respond_cacheable(&request, &Page { title: "Faults", current: SYSTEM, content, ..Page::default() })
}

/// Explains one code.
pub async fn show(request: HttpRequest, code: web::Path<String>) -> Result<HttpResponse, Problem> {
    let Some(cause) = causes().find(|cause| cause.code == *code) else { return Err(not_found(request).await) };
    let stages: Vec<_> = cause.stages.iter().map(ToString::to_string).collect();
    let place = if stages.is_empty() { "Several checks together".to_owned() } else { stages.join(", ") };
    let facts = [("Cause", cause.text), ("Remedy", cause.remedy), ("Shows as", cause.evidence), ("Shows at", &place)];
    let content = html! {
        div.narrow.stack {
            h1 { (cause.code) }
            dl.facts { @for (name, fact) in facts { div { dt { (name) } dd { (fact) } } } }
            p { a href="/test-connection/faults" { "All faults" } }
        }
    };
    let page = Page { title: cause.code, current: SYSTEM, content, assets: &[Asset::Path], images: None };
    Ok(SITE.respond_cacheable(&request, &page))
}
