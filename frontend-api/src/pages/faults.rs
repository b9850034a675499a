//! `/test-connection/faults`: what each code of the doctor means, and what to do.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use causeway_common::http::page::Page;
use maud::{Markup, html};

use super::SITE;
use crate::doctor::{Cause, causes};

/// Lists every fault that the doctor distinguishes, each with an anchor.
pub async fn show() -> HttpResponse {
    let content = html! {
        div.narrow.stack {
            h1 { "Faults" }
            p.lead {
                "The doctor distinguishes these. A report names one by its code, and links to it here. "
                a href="/app/system" { "See the report" }
            }
            ul.kinds role="list" { @for cause in causes() { li id=(cause.code) { (entry(cause)) } } }
        }
    };
    SITE.respond(StatusCode::OK, &Page { title: "Faults", current: "/app/system", content })
}

fn entry(cause: &Cause) -> Markup {
    let stages: Vec<_> = cause.stages.iter().map(ToString::to_string).collect();
    html! {
        h2 { a href=(cause.link()) { (cause.code) } }
        p { (cause.text) }
        p { (cause.remedy) }
        p.soft {
            @if stages.is_empty() { "Several checks show it together: " } @else { "Shows at " (stages.join(", ")) ": " }
            (cause.evidence)
        }
    }
}
