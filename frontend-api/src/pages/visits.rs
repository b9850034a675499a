//! `/app/visits`: the newest visits.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::page::{Asset, Page, State};
use causeway_common::http::problem::Problem;
use maud::{Markup, html};

use super::{SITE, VISITS};
use crate::visits::{ListedVisit, Visits};

/// Lists the newest visits, ten at most.
pub async fn show(request: HttpRequest, visits: web::Data<Visits>) -> Result<HttpResponse, Problem> {
    let listed = visits.listed().await?;
    let content = html! {
        div.narrow.stack {
            div.row.between { h1 { "Visits" } (live_controls()) }
            p.lead { "The newest ten calls of this service's front door. Each is in the database before it is answered." }
            div data-live { @if listed.is_empty() { (no_visits()) } @else { (table(&listed)) } }
        }
    };
    let assets = &[Asset::Tables, Asset::Live];
    let page = Page { title: "Visits", current: VISITS, content, assets, images: None };
    Ok(SITE.respond(&request, StatusCode::OK, &page))
}

/// What the script fills, and shows.
pub(super) fn live_controls() -> Markup {
    html! {
        div.row {
            p.says data-is=(State::Ok.name()) data-state hidden {}
            button type="button" data-pause hidden aria-pressed="false" { "Pause" }
        }
    }
}

/// Without the fraction of the second.
fn human(timestamp: &str) -> &str {
    timestamp.split('.').next().unwrap_or_default()
}

fn machine(timestamp: &str) -> String {
    format!("{}Z", human(timestamp).replace(' ', "T"))
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
            thead { tr { th scope="col" { "Caller" } th scope="col" { "Time" } } }
            tbody {
                @for visit in listed {
                    tr {
                        @match &visit.user_agent {
                            Some(name) => td dir="auto" { (name) },
                            None => td.soft { "No User-Agent sent" },
                        }
                        td data-name="Time" { time datetime=(machine(&visit.timestamp)) { (human(&visit.timestamp)) } }
                    }
                }
            }
        }
    }
}
