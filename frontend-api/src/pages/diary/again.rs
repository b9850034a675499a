//! The form for a new entry once more, with what was typed and why it was not saved.

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderValue, SET_COOKIE};
use causeway_common::http::page::{Asset, Page};
use causeway_common::http::problem::Problem;
use maud::html;

use super::refusal::Refusal;
use super::view::EntryForm;
use crate::auth::UserId;
use crate::diaries::{self, DiaryError, Draft, IdempotencyKey};
use crate::pages::{HOME, SITE};

/// Returns the form again, with what was typed and why it was not saved.
pub(super) fn refuse(
    request: &HttpRequest,
    user: UserId,
    draft: &Draft,
    key: IdempotencyKey,
    error: DiaryError,
    cookie: Option<HeaderValue>,
) -> Problem {
    match Refusal::of(error, draft) {
        Ok(refusal) => {
            let key = if refusal.uses_up_key { diaries::new_key() } else { key };
            show(request, user, draft, &key, refusal, cookie)
        }
        Err(problem) => problem,
    }
}

/// Returns the form with why it was refused.
pub(super) fn show(
    request: &HttpRequest,
    writer: UserId,
    draft: &Draft,
    key: &IdempotencyKey,
    refusal: Refusal,
    cookie: Option<HeaderValue>,
) -> Problem {
    let form = EntryForm { text: &draft.text, alt: &draft.alt, key, writer, refusal: Some(&refusal) };
    let content = html! { div.narrow.stack { h1 { "New entry" } (refusal.notice()) (form.render()) } };
    let page = Page { title: "Error: New entry", current: HOME, content, assets: WRITING, images: None };
    let problem = match cookie {
        Some(cookie) => refusal.problem.header(SET_COOKIE, cookie),
        None => refusal.problem,
    };
    SITE.answer_with(request, true, &page, problem)
}

/// What a page with the form needs.
pub(super) const WRITING: &[Asset] = &[Asset::Forms, Asset::Entry];
