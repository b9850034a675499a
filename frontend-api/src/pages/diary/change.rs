//! Changing an entry: `/app/diary/{id}`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::body::Form;
use causeway_common::http::input::Id;
use causeway_common::http::page::{Asset, Page};
use causeway_common::http::problem::Problem;
use maud::{Markup, html};
use serde::Deserialize;

use super::origin_for;
use super::refusal::Refusal;
use super::resume::{self, Carried};
use super::view::{alt, picture, text};
use crate::auth::{DiaryId, NOT_SIGNED_IN, Session, UserId};
use crate::diaries::{self, Diaries, Diary, DiaryError, Draft};
use crate::pages::form::go_to;
use crate::pages::{DIARY, SITE, times};

/// What the form sends.
#[derive(Deserialize)]
pub struct Changed {
    text: String,
    /// Only an entry with a picture has it.
    alt: Option<String>,
    writer: Option<UserId>,
}

/// Shows an entry in a form.
pub async fn show(
    session: Session,
    request: HttpRequest,
    Id(id): Id<DiaryId>,
    diaries: web::Data<Diaries>,
) -> Result<HttpResponse, Problem> {
    let diary = diaries.find(session.user, id).await?;
    let images = origin_for(&diaries, std::slice::from_ref(&diary)).await;
    let content = content(session.user, id, Some(&diary), (&diary.text, Some(&diary.alt)), None);
    let page = Page { title: "Edit entry", current: DIARY, content, assets: &[Asset::Forms, Asset::Live], images };
    Ok(SITE.respond(&request, StatusCode::OK, &page))
}

/// Saves what the form sends.
pub async fn save(
    session: Result<Session, Problem>,
    request: HttpRequest,
    Id(id): Id<DiaryId>,
    Form(Changed { text, alt, writer }): Form<Changed>,
    diaries: web::Data<Diaries>,
) -> Result<HttpResponse, Problem> {
    let draft = Draft::of(&text, alt.clone().unwrap_or_default());
    let (user, refusal) = match session {
        Ok(session) => match diaries.change(session.user, id, &draft.text, alt.as_deref()).await {
            Ok(_) => return Ok(go_to(&format!("{DIARY}?done=saved"), None)),
            Err(error @ DiaryError::NotFound) => {
                return Err(resume::gone(&request, session.user, &draft, error.into()));
            }
            Err(error) => (session.user, Refusal::of(error, &draft)?),
        },
        Err(problem) if problem.kind().slug == NOT_SIGNED_IN.slug => {
            let key = diaries::new_key().as_str().to_owned();
            let carried = Carried { draft, describes: alt.is_some(), key, writer, entry: Some(id) };
            return Err(resume::ask(&request, &carried, problem));
        }
        Err(problem) => match writer {
            Some(writer) => (writer, Refusal::of_session(problem)?),
            None => return Err(problem),
        },
    };
    let content = content(user, id, None, (&draft.text, alt.as_deref()), Some(&refusal));
    let page = Page { title: "Error: Edit entry", current: DIARY, content, assets: &[Asset::Forms], images: None };
    Err(SITE.answer_with(&request, true, &page, refusal.problem))
}

/// The form. Without `diary`, after an error, the picture is not shown again.
fn content(
    writer: UserId,
    id: DiaryId,
    diary: Option<&Diary>,
    (typed, described): (&str, Option<&str>),
    refusal: Option<&Refusal>,
) -> Markup {
    let has_picture = diary.map_or(described.is_some(), Diary::has_picture);
    html! {
        div.narrow.stack {
            h1 {
                "Edit entry"
                @if let Some(diary) = diary { " " span.soft { "of " (times::minute(diary.created_at, None)) } }
            }
            @if let Some(refusal) = refusal { (refusal.notice()) }
            form.card.stack method="post" action={ (DIARY) "/" (id) } {
                (text(typed, refusal))
                @if has_picture {
                    div.row {
                        @if let Some(diary) = diary { (picture(diary, "preview")) }
                        p.soft { "The picture stays with the entry." }
                    }
                    (alt(described.unwrap_or_default(), refusal, " (optional)"))
                }
                div.row { button.go { "Save changes" } a.btn href=(DIARY) { "Keep as it was" } }
                input type="hidden" name="writer" value=(writer);
            }
        }
    }
}
