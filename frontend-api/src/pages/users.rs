//! `/app/users`: who has signed up.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::input::Query;
use causeway_common::http::page::{Asset, Page};
use causeway_common::http::problem::Problem;
use maud::html;
use serde::Deserialize;

use super::{SITE, USERS, times};
use crate::auth::{Caller, Session};
use crate::users::Users;

const PAGE: u16 = 20;

/// Which page of the list.
#[derive(Deserialize)]
pub struct Beginning {
    before: Option<i64>,
}

/// Lists users, the newest first, page by page.
pub async fn show(
    session: Session,
    request: HttpRequest,
    Query(Beginning { before }): Query<Beginning>,
    users: web::Data<Users>,
) -> Result<HttpResponse, Problem> {
    let page = users.newest(before.unwrap_or(i64::MAX), PAGE).await?;
    let caller = Caller::User(session);
    let older = page.users.last().map(|user| user.id).filter(|_| page.more);
    let content = html! {
        div.narrow.stack {
            h1 { "Users" }
            p.lead { "Everyone who signed up, the newest first. Only your own email is shown in full." }
            table {
                caption.sr { "Users" }
                thead { tr { th scope="col" { "Name" } th scope="col" { "Email" } th scope="col" { "Signed up" } } }
                tbody {
                    @for user in &page.users {
                        tr {
                            @match &user.name {
                                Some(name) => td { bdi { (name) } @if user.id == session.user { " " span.tag { "you" } } },
                                None => td.soft { "No name given" @if user.id == session.user { " " span.tag { "you" } } },
                            }
                            td data-name="Email" { (user.email_for(caller)) }
                            td data-name="Signed up" { (times::day(user.created_at)) }
                        }
                    }
                }
            }
            @if older.is_some() || before.is_some() {
                p.row {
                    @if before.is_some() { a.btn href=(USERS) { "Newest users" } }
                    @if let Some(older) = older { a.btn rel="next" href={ (USERS) "?before=" (older) } { "Earlier users" } }
                }
            }
        }
    };
    let page = Page { title: "Users", current: USERS, content, assets: &[Asset::Tables], images: None };
    Ok(SITE.respond(&request, StatusCode::OK, &page))
}
