//! The session ended while somebody wrote: the answer asks to sign in and carries the text, which is saved once its writer
//! has signed in. Another user finds it in the form, not saved.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::body::Form;
use causeway_common::http::page::{Asset, Page, State};
use causeway_common::http::problem::Problem;
use maud::{Markup, html};
use secrecy::SecretString;
use serde::Deserialize;

use super::again;
use super::view::EntryForm;
use crate::auth::{Client, DiaryId, PresentedCookie, UserId, cookie};
use crate::diaries::{self, Diaries, DiaryError, Draft, IdempotencyKey};
use crate::pages::form::{Mistakes, go_to};
use crate::pages::sign_in::forms::sign_in_fields;
use crate::pages::{DIARY, HOME, RESUME, SIGN_IN, SITE};
use crate::sessions::Sessions;
use crate::users::UserError;

/// What the form carries through signing in.
pub(super) struct Carried {
    pub(super) draft: Draft,
    /// Whether the form has a description. That of an entry without a picture has none.
    pub(super) describes: bool,
    pub(super) key: String,
    /// Who was signed in before.
    pub(super) writer: Option<UserId>,
    /// The entry that is changed; none if it is a new one.
    pub(super) entry: Option<DiaryId>,
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Known {
    email: String,
    password: SecretString,
    text: String,
    alt: Option<String>,
    key: String,
    writer: Option<UserId>,
    entry: Option<DiaryId>,
}

const ANOTHER_USER: &str = "Another user wrote it in this browser. Save it in your diary, or leave it.";
const DELETED: &str = "The entry was deleted meanwhile. Save it as a new one, or leave it.";

/// Returns the answer to a form whose session has ended.
pub(super) fn ask(request: &HttpRequest, carried: &Carried, problem: Problem) -> Problem {
    let notice = html! {
        div.note data-is=(State::Warning.name()) role="alert" {
            (State::Warning.icon())
            div {
                p {
                    b { "You were signed out while you wrote." }
                    " Your text is still here. It is saved as soon as you sign in."
                    @if carried.draft.file.is_some() { " A picture has to be chosen again." }
                }
            }
        }
    };
    let page = Page { title: "Sign in", current: SIGN_IN, assets: &[Asset::Forms], ..Page::default() };
    let page = Page { content: form(carried, "", &Mistakes::default(), &notice), ..page };
    let forget = header(&cookie::clear());
    SITE.answer_with(request, false, &page, problem.header(SET_COOKIE, forget))
}

/// Signs in, and saves what the form carries if it is of the same user.
pub async fn sign_in(
    request: HttpRequest,
    client: Client,
    PresentedCookie(before): PresentedCookie,
    Form(known): Form<Known>,
    sessions: web::Data<Sessions>,
    diaries: web::Data<Diaries>,
) -> Result<HttpResponse, Problem> {
    let Known { email, password, text, alt, key, writer, entry } = known;
    let describes = alt.is_some();
    let carried = Carried { draft: Draft::of(&text, alt.unwrap_or_default()), describes, key, writer, entry };
    let opened = match sessions.open(&email, &password, before, &client).await {
        Ok(opened) => opened,
        Err(error) => return Err(ask_again(&request, &carried, &email, error)),
    };
    let (user, cookie) = (opened.user, cookie::set(&opened.token));
    let key = carried.key.parse().unwrap_or_else(|_| diaries::new_key());
    let draft = carried.draft;
    if writer != Some(user) {
        let mut response = SITE.respond_as(true, StatusCode::OK, &unsaved(&draft, &key, user, ANOTHER_USER));
        response.headers_mut().insert(SET_COOKIE, header(&cookie));
        return Ok(response);
    }
    match save(&diaries, user, &key, entry, (&draft, describes)).await {
        Ok(()) => Ok(go_to(&format!("{DIARY}?done=saved"), Some(cookie))),
        Err(error @ DiaryError::NotFound) if entry.is_some() => {
            Err(gone(&request, user, &draft, Problem::from(error).header(SET_COOKIE, header(&cookie))))
        }
        Err(error) => Err(again::refuse(&request, user, &draft, key, error, Some(header(&cookie)))),
    }
}

async fn save(
    diaries: &Diaries,
    user: UserId,
    key: &IdempotencyKey,
    entry: Option<DiaryId>,
    (draft, describes): (&Draft, bool),
) -> Result<(), DiaryError> {
    if let Some(id) = entry {
        return diaries.change(user, id, &draft.text, describes.then_some(&*draft.alt)).await.map(drop);
    }
    let writing = diaries.begin(user, Some(key.clone())).await?;
    writing.finish(draft.entry()?).await.map(drop)
}

/// Returns the answer to the change of an entry that is gone: the text, in a form for a new one.
pub(super) fn gone(request: &HttpRequest, user: UserId, draft: &Draft, problem: Problem) -> Problem {
    SITE.answer_with(request, true, &unsaved(draft, &diaries::new_key(), user, DELETED), problem)
}

/// A form for a new entry, with a text that is in no diary.
fn unsaved(draft: &Draft, key: &IdempotencyKey, user: UserId, why: &str) -> Page<'static> {
    let form = EntryForm { text: &draft.text, alt: &draft.alt, ..EntryForm::empty(key, user) };
    let content = html! {
        div.narrow.stack {
            h1 { "New entry" }
            div.note data-is=(State::Warning.name()) role="alert" tabindex="-1" autofocus {
                (State::Warning.icon())
                div { p { b { "The text is not saved." } " " (why) } }
            }
            (form.render())
        }
    };
    Page { title: "New entry", current: HOME, content, assets: again::WRITING, images: None }
}

/// Returns the form after a failed attempt, with the text.
fn ask_again(request: &HttpRequest, carried: &Carried, email: &str, error: UserError) -> Problem {
    let (mistakes, problem) = Mistakes::with_problem(error);
    let page = Page { title: "Error: Sign in", current: SIGN_IN, assets: &[Asset::Forms], ..Page::default() };
    let page = Page { content: form(carried, email, &mistakes, &mistakes.summary("in")), ..page };
    SITE.answer_with(request, false, &page, problem)
}

fn form(carried: &Carried, email: &str, mistakes: &Mistakes, notice: &Markup) -> Markup {
    html! {
        div.narrow.stack {
            h1 { "Sign in to save your entry" }
            (notice)
            form.card.stack method="post" action=(RESUME) {
                (sign_in_fields(email, mistakes, true))
                div { label for="in-text" { "Your text" } textarea id="in-text" name="text" rows="4" dir="auto" { "\n" (carried.draft.text) } }
                @if carried.describes { input type="hidden" name="alt" value=(carried.draft.alt); }
                input type="hidden" name="key" value=(carried.key);
                @if let Some(writer) = carried.writer { input type="hidden" name="writer" value=(writer); }
                @if let Some(entry) = carried.entry { input type="hidden" name="entry" value=(entry); }
                button.go { "Sign in and save" }
            }
        }
    }
}

fn header(cookie: &actix_web::cookie::Cookie<'_>) -> HeaderValue {
    HeaderValue::from_str(&cookie.to_string()).expect("a cookie of base64 is a valid header value")
}
