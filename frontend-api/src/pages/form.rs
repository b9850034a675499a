//! Forms: fields with their mistakes, and where to go after one was sent.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, RETRY_AFTER};
use actix_web::{HttpResponse, cookie::Cookie};
use causeway_common::http::page::{Page, State};
use causeway_common::http::problem::{Failure, FieldError, Problem};
use maud::{Markup, html};

use super::SITE;
use crate::auth::AttemptError;
use crate::users::UserError;

/// One line of a form.
#[derive(Default)]
pub(super) struct Field<'a> {
    /// The form's name, so that two forms of a page can have the same field.
    pub(super) form: &'static str,
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    /// `text` if empty.
    pub(super) kind: &'static str,
    pub(super) autocomplete: &'static str,
    pub(super) value: &'a str,
    pub(super) hint: &'static str,
    pub(super) required: bool,
}

/// What is wrong with a form that was sent.
#[derive(Default)]
pub(super) struct Mistakes {
    /// Of the answer.
    pub(super) status: StatusCode,
    pub(super) note: String,
    pub(super) fields: Vec<FieldError>,
    retry_after: Option<Duration>,
}

impl Mistakes {
    /// Returns what the person can mend in the form, otherwise the error.
    pub(super) fn of(error: UserError) -> Result<Self, Problem> {
        let at = |name, text| vec![FieldError::new(name, text)];
        let fields = match &error {
            UserError::Refused(fields) => fields.clone(),
            UserError::EmailTaken => at("email", "belongs to an account. If it is yours, sign in"),
            UserError::WrongPassword => at("current", "is not your present password"),
            UserError::WrongCredentials | UserError::Busy | UserError::Attempt(AttemptError::Limited(_)) => Vec::new(),
            _ => return Err(error.into()),
        };
        let status = StatusCode::from_u16(error.kind().status).unwrap_or_default();
        let note = if fields.is_empty() { error.detail().into_owned() } else { "Nothing was saved.".to_owned() };
        Ok(Self { status, note, fields, retry_after: error.retry_after() })
    }

    /// Returns the form again, with what is wrong.
    pub(super) fn respond(&self, page: &Page<'_>) -> HttpResponse {
        let mut response = SITE.respond(self.status, page);
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs().max(1).into();
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }

    /// What to read first.
    pub(super) fn summary(&self) -> Markup {
        html! {
            @if !self.note.is_empty() {
                div.note data-is=(State::Failed.name()) role="alert" { (State::Failed.icon()) div { p { b { (self.note) } } } }
            }
        }
    }
}

/// Returns a field with its hint, and with what is wrong with it. A password is never sent back.
pub(super) fn field(field: &Field<'_>, mistakes: &Mistakes) -> Markup {
    let id = format!("{}-{}", field.form, field.name);
    let kind = if field.kind.is_empty() { "text" } else { field.kind };
    let mistake = mistakes.fields.iter().find(|mistake| mistake.field == field.name);
    let (error_id, hint_id) = (format!("{id}-e"), format!("{id}-h"));
    let described = [(mistake.is_some(), &error_id), (!field.hint.is_empty(), &hint_id)];
    let described: Vec<&str> = described.into_iter().filter(|(shown, _)| *shown).map(|(_, id)| &**id).collect();
    let described = (!described.is_empty()).then(|| described.join(" "));
    let value = (kind != "password").then_some(field.value);
    html! {
        div.field {
            label for=(id) { (field.label) }
            input id=(id) name=(field.name) type=(kind) autocomplete=(field.autocomplete) value=[value]
                required[field.required] aria-invalid=[mistake.map(|_| "true")] aria-describedby=[described];
            @if let Some(mistake) = mistake {
                p.err id=(error_id) { (State::Failed.icon()) (field.label) " " (mistake.detail) "." }
            }
            @if !field.hint.is_empty() { p.hint id=(hint_id) { (field.hint) } }
        }
    }
}

/// Sends the browser to `path` after a form was sent, so that reloading does not send it again.
pub(super) fn go_to(path: &str, cookie: Option<Cookie<'_>>) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, path));
    if let Some(cookie) = cookie {
        response.cookie(cookie);
    }
    response.finish()
}
