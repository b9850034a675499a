//! `/app/diary`: one's own entries. [`mod@write`] has the form for a new one, [`resume`] what follows when the session ended
//! while somebody wrote.

mod again;
mod change;
mod refusal;
pub mod resume;
mod view;
pub mod write;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::input::{Id, Query};
use causeway_common::http::page::{Asset, Page, State};
use causeway_common::http::problem::Problem;
use maud::{Markup, html};
use serde::Deserialize;

pub use self::change::{save, show as edit};
pub(super) use self::view::{EntryForm, entries, no_entries};
use super::form::go_to;
use super::{DIARY, SITE};
use crate::auth::{DiaryId, Session};
use crate::diaries::{Diaries, Diary};

const PAGE: u16 = 20;

/// What was done before the page is shown.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Done {
    Saved,
    Deleted,
    Restored,
}

/// Which page of the diary, and what was done.
#[derive(Deserialize)]
pub struct Shown {
    before: Option<i64>,
    done: Option<Done>,
    /// The entry that was deleted.
    id: Option<DiaryId>,
}

/// Lists one's own entries, the newest first.
pub async fn list(
    session: Session,
    request: HttpRequest,
    Query(shown): Query<Shown>,
    diaries: web::Data<Diaries>,
) -> Result<HttpResponse, Problem> {
    let page = diaries.list(session.user, shown.before.unwrap_or(i64::MAX), PAGE).await?;
    let (listed, more) = (page.diaries, page.more);
    let older = listed.last().filter(|_| more).map(|last| last.id);
    let content = html! {
        div.narrow.stack {
            div.row.between {
                h1 { "Diary" }
                @if !listed.is_empty() || shown.before.is_some() { a.btn.go href="/app" { "New entry" } }
            }
            @if let Some(done) = shown.done { (notice(done, shown.id)) }
            @if !listed.is_empty() { (entries(&listed, true)) }
            @else if shown.before.is_some() { p { "There are no older entries." } }
            @else { (no_entries(true)) }
            @if older.is_some() || shown.before.is_some() {
                p.row {
                    @if shown.before.is_some() { a.btn href=(DIARY) { "Newest entries" } }
                    @if let Some(older) = older { a.btn rel="next" href={ (DIARY) "?before=" (older) } { "Older entries" } }
                }
            }
        }
    };
    let images = origin_for(&diaries, &listed).await;
    let assets = &[Asset::Diary, Asset::Live];
    let page = Page { title: "Diary", current: DIARY, content, assets, images };
    Ok(SITE.respond(&request, StatusCode::OK, &page))
}

/// Returns where the pictures of these entries come from.
pub(super) async fn origin_for<'a>(diaries: &'a Diaries, listed: &[Diary]) -> Option<&'a str> {
    if listed.iter().any(Diary::has_picture) { diaries.picture_origin().await } else { None }
}

fn notice(done: Done, id: Option<DiaryId>) -> Markup {
    html! {
        div.note data-is=(State::Ok.name()) role="status" tabindex="-1" autofocus {
            (State::Ok.icon())
            div {
                @match done {
                    Done::Saved => p { "Entry saved." },
                    Done::Restored => p { "Entry restored." },
                    Done::Deleted => p { b { "Entry deleted." } " It is kept for 30 days." },
                }
            }
            @if let (Done::Deleted, Some(id)) = (done, id) {
                form method="post" action={ (DIARY) "/" (id) "/restore" } { button { "Undo" } }
            }
        }
    }
}

/// Deletes an entry, and offers to take that back.
pub async fn delete(
    session: Session,
    Id(id): Id<DiaryId>,
    diaries: web::Data<Diaries>,
) -> Result<HttpResponse, Problem> {
    diaries.delete(session.user, id).await?;
    Ok(go_to(&format!("{DIARY}?done=deleted&id={id}"), None))
}

/// Takes a deletion back.
pub async fn restore(
    session: Session,
    Id(id): Id<DiaryId>,
    diaries: web::Data<Diaries>,
) -> Result<HttpResponse, Problem> {
    diaries.restore(session.user, id).await?;
    Ok(go_to(&format!("{DIARY}?done=restored"), None))
}
