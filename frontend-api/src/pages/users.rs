//! `/app/users`: who has signed up.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use causeway_common::http::input::Query;
use causeway_common::http::page::Page;
use causeway_common::http::problem::Problem;
use maud::html;
use serde::Deserialize;

use super::{SITE, USERS};
use crate::auth::{Caller, Session};
use crate::users::{Timestamp, Users};

const PAGE: u16 = 20;

/// Which page of the list.
#[derive(Deserialize)]
pub struct Beginning {
    after: Option<u32>,
}

/// Lists users in the order of their ids, page by page.
pub async fn show(
    session: Session,
    Query(Beginning { after }): Query<Beginning>,
    users: web::Data<Users>,
) -> Result<HttpResponse, Problem> {
    let page = users.list(after.unwrap_or(0).into(), PAGE).await?;
    let caller = Caller::User(session);
    let next = page.users.last().map(|user| user.id).filter(|_| page.more);
    let content = html! {
        div.narrow.stack {
            h1 { "Users" }
            p.lead { "Everybody who has signed up. Emails of others are masked." }
            table {
                caption.sr { "Users" }
                thead { tr { th scope="col" { "Name" } th scope="col" { "Email" } th scope="col" { "Since (UTC)" } } }
                tbody {
                    @for user in &page.users {
                        tr {
                            @match &user.name {
                                Some(name) => td { bdi { (name) } },
                                None => td.soft { "No name" },
                            }
                            td data-name="Email" { (user.email_for(caller)) }
                            td data-name="Since (UTC)" { time { (Timestamp(user.created_at).to_day()) } }
                        }
                    }
                }
            }
            @if let Some(next) = next { p { a.btn href={ (USERS) "?after=" (next) } { "More" } } }
        }
    };
    Ok(SITE.respond(StatusCode::OK, &Page { title: "Users", current: USERS, content }))
}
