//! `/app/visits`: the newest visits.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use causeway_common::http::page::Page;
use causeway_common::http::problem::Problem;
use maud::{Markup, html};

use super::SITE;
use crate::visits::{ListedVisit, Visits};

/// Lists the newest visits, ten at most.
pub async fn show(visits: web::Data<Visits>) -> Result<HttpResponse, Problem> {
    let listed = visits.listed().await?;
    let content = html! {
        div.narrow.stack {
            h1 { "Visits" }
            p.lead { "The newest ten calls of this service's front door. Each is in the database before it is answered." }
            @if listed.is_empty() { (no_visits()) } @else { (table(&listed)) }
        }
    };
    Ok(SITE.respond(StatusCode::OK, &Page { title: "Visits", current: "/app/visits", content }))
}

fn no_visits() -> Markup {
    html! {
        div.empty.stack {
            h2 { "No visits yet" }
            p.soft { "Each " code { "GET /" } " is a visit." }
        }
    }
}

fn table(listed: &[ListedVisit]) -> Markup {
    html! {
        table {
            caption.sr { "The newest visits" }
            thead { tr { th scope="col" { "Caller" } th scope="col" { "Time (UTC)" } } }
            tbody {
                @for visit in listed {
                    tr {
                        @match &visit.user_agent {
                            Some(name) => td dir="auto" { (name) },
                            None => td.soft { "No User-Agent sent" },
                        }
                        td data-name="Time (UTC)" { time { (visit.timestamp) } }
                    }
                }
            }
        }
    }
}
