//! Forms: fields with their mistakes, and where to go after one was sent.

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, cookie::Cookie};
use causeway_common::http::page::State;
use causeway_common::http::problem::{Failure, FieldError, Problem, whole_seconds};
use maud::{Markup, html};

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
    /// Where typing begins, unless a field is wrong.
    pub(super) autofocus: bool,
}

/// What is wrong with a form that was sent.
#[derive(Default)]
pub(super) struct Mistakes {
    /// What to read first, if no field is wrong.
    note: String,
    pub(super) fields: Vec<FieldError>,
}

impl Mistakes {
    /// Returns what the person can fix in the form, with the problem that the form answers, otherwise only the problem.
    pub(super) fn of(error: UserError) -> Result<(Self, Problem), Problem> {
        match Self::judge(&error) {
            Some(mistakes) => Ok((mistakes, error.into())),
            None => Err(error.into()),
        }
    }

    /// Returns what is wrong, also if the person cannot fix it.
    pub(super) fn with_problem(error: UserError) -> (Self, Problem) {
        let unavailable = || {
            let note = "The database does not answer. Your text is still here: try again in a minute.".to_owned();
            Self { note, fields: Vec::new() }
        };
        (Self::judge(&error).unwrap_or_else(unavailable), error.into())
    }

    fn judge(error: &UserError) -> Option<Self> {
        let at = |name, text| vec![FieldError::new(name, text)];
        let fields = match error {
            UserError::Refused(fields) => fields.clone(),
            UserError::EmailTaken => at("email", "has an account. Sign in, or use another one"),
            UserError::WrongPassword => at("current", "is not right"),
            UserError::WrongCredentials | UserError::Busy | UserError::Attempt(AttemptError::Limited(_)) => Vec::new(),
            _ => return None,
        };
        let note = match error {
            UserError::WrongCredentials => "Email or password is not right.".to_owned(),
            UserError::Attempt(_) => {
                let seconds = error.retry_after().map_or(1, whole_seconds);
                format!("Too many tries. Wait {seconds} seconds, then try again.")
            }
            _ => error.detail().into_owned(),
        };
        Some(Self { note, fields })
    }

    /// What to read first: the fields that are wrong, as links.
    pub(super) fn summary(&self, form: &str) -> Markup {
        let bold = match self.fields.len() {
            0 if self.note.is_empty() => return html! {},
            0 => self.note.clone(),
            1 => "One field needs a change.".to_owned(),
            n => format!("{n} fields need a change."),
        };
        html! {
            div.note data-is=(State::Failed.name()) role="alert" tabindex="-1" autofocus[self.fields.is_empty()] {
                (State::Failed.icon())
                div {
                    p {
                        b { (bold) }
                        @if !self.fields.is_empty() { " Nothing was saved yet." }
                        @for (n, field) in self.fields.iter().enumerate() {
                            (if n == 0 { " " } else { ", " })
                            a href={ "#" (form) "-" (field.field) } { (name_of(&field.field)) }
                        }
                    }
                }
            }
        }
    }
}

/// The name of a field in a sentence.
fn name_of(field: &str) -> &str {
    match field {
        "email" => "Email",
        "name" => "Name",
        "password" => "Password",
        "current" => "Present password",
        other => other,
    }
}

/// Returns a field with its hint, and with what is wrong with it. A password is never sent back.
pub(super) fn field(field: &Field<'_>, mistakes: &Mistakes) -> Markup {
    let id = format!("{}-{}", field.form, field.name);
    let kind = if field.kind.is_empty() { "text" } else { field.kind };
    let mistake = mistakes.fields.iter().find(|mistake| mistake.field == field.name);
    let is_first = mistakes.fields.first().is_some_and(|mistake| mistake.field == field.name);
    let autofocus = is_first || (field.autofocus && mistakes.note.is_empty());
    let (error_id, hint_id) = (format!("{id}-e"), format!("{id}-h"));
    let described = [(mistake.is_some(), &error_id), (!field.hint.is_empty(), &hint_id)];
    let described: Vec<&str> = described.into_iter().filter(|(shown, _)| *shown).map(|(_, id)| &**id).collect();
    let described = (!described.is_empty()).then(|| described.join(" "));
    let value = (kind != "password").then_some(field.value);
    html! {
        div.field {
            label for=(id) { (field.label) }
            input id=(id) name=(field.name) type=(kind) autocomplete=(field.autocomplete) value=[value]
                required[field.required] autofocus[autofocus]
                aria-invalid=[mistake.map(|_| "true")] aria-describedby=[described];
            @if let Some(mistake) = mistake {
                p.err id=(error_id) { (State::Failed.icon()) span { (said(field.label, &mistake.detail)) } }
            }
            @if !field.hint.is_empty() { p.hint id=(hint_id) { (field.hint) } }
        }
    }
}

/// A mistake as a sentence, such as `Email has an account`.
fn said(label: &str, detail: &str) -> String {
    let dot = if detail.ends_with('.') { "" } else { "." };
    format!("{label} {detail}{dot}")
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
