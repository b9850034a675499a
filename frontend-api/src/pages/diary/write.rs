//! Writing a new entry: `POST /app/diary`.
//!
//! The form's address has a key, which makes it harmless to send the form twice. Whatever fails, the answer is the form
//! with what was typed.

use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::input::Query;
use causeway_common::http::limits::BodyStream;
use causeway_common::http::problem::Problem;
use serde::Deserialize;

use super::again;
use super::refusal::Refusal;
use super::resume::{self, Carried};
use crate::auth::{NOT_SIGNED_IN, Session, UserId};
use crate::diaries::{self, Diaries, DiaryError, Draft, IdempotencyKey};
use crate::pages::DIARY;
use crate::pages::form::go_to;

/// What the form's address says.
#[derive(Deserialize)]
pub struct Sent {
    key: Option<String>,
    /// Who was signed in when the form was shown.
    writer: Option<UserId>,
    /// The picture is left out.
    without: Option<String>,
}

/// Writes an entry.
pub async fn write(
    session: Result<Session, Problem>,
    request: HttpRequest,
    Query(sent): Query<Sent>,
    body: BodyStream,
    diaries: web::Data<Diaries>,
) -> Result<HttpResponse, Problem> {
    let key = sent.key.and_then(|key| key.parse().ok()).unwrap_or_else(diaries::new_key);
    let user = match session {
        Ok(session) => session.user,
        Err(problem) => {
            let (draft, _) = Draft::read(request.headers(), body, None).await;
            return Err(refuse_session(&request, problem, draft, &key, sent.writer));
        }
    };
    let (draft, written) = store(&diaries, user, &key, sent.without.is_none(), &request, body).await;
    match written {
        Ok(()) => Ok(go_to(&format!("{DIARY}?done=saved"), None)),
        Err(error) => Err(again::refuse(&request, user, &draft, key, error, None)),
    }
}

async fn store(
    diaries: &Diaries,
    user: UserId,
    key: &IdempotencyKey,
    with_picture: bool,
    request: &HttpRequest,
    body: BodyStream,
) -> (Draft, Result<(), DiaryError>) {
    let mut writing = match diaries.begin(user, Some(key.clone())).await {
        Ok(writing) => writing,
        Err(error) => return (Draft::read(request.headers(), body, None).await.0, Err(error)),
    };
    let (draft, read) = Draft::read(request.headers(), body, Some(&mut writing).filter(|_| with_picture)).await;
    let entry = read.and_then(|()| draft.entry());
    let written = match entry {
        Ok(entry) => writing.finish(entry).await.map(drop),
        Err(error) => {
            writing.give_up().await;
            Err(error)
        }
    };
    (draft, written)
}

/// Returns the answer to somebody who is not signed in, or of whom that is not known.
fn refuse_session(
    request: &HttpRequest,
    problem: Problem,
    draft: Draft,
    key: &IdempotencyKey,
    writer: Option<UserId>,
) -> Problem {
    if problem.kind().slug == NOT_SIGNED_IN.slug {
        let carried = Carried { draft, describes: true, key: key.as_str().to_owned(), writer, entry: None };
        return resume::ask(request, &carried, problem);
    }
    match (Refusal::of_session(problem), writer) {
        (Ok(refusal), Some(writer)) => again::show(request, writer, &draft, key, refusal, None),
        (Ok(refusal), None) => refusal.problem,
        (Err(problem), _) => problem,
    }
}
