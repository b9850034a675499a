//! `/app/sign-in`, `/app/sign-up` and `/app/sign-out`.

pub(super) mod back;
pub(super) mod forms;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::body::Form;
use causeway_common::http::input::Query;
use causeway_common::http::page::{Asset, Page, State};
use causeway_common::http::problem::Problem;
use maud::{Markup, html};
use secrecy::SecretString;
use serde::Deserialize;

use self::back::destination;
use self::forms::{made_up, sign_in_fields, sign_up_fields, warning};
use super::form::{Mistakes, go_to};
use super::{HOME, SIGN_IN, SIGN_UP, SITE};
use crate::auth::{Client, NOT_SIGNED_IN, PresentedCookie, Session, cookie};
use crate::sessions::Sessions;
use crate::users::{NewUser, Users};

/// What the form to sign in sends.
#[derive(Deserialize)]
pub struct Known {
    email: String,
    password: SecretString,
    /// Where to go then.
    next: Option<String>,
}

/// The query of the form to sign in.
#[derive(Deserialize)]
pub struct Asked {
    next: Option<String>,
}

/// What the form to sign up sends.
#[derive(Deserialize)]
pub struct Unknown {
    name: String,
    email: String,
    password: SecretString,
}

/// Shows the form to sign in, unless one has.
pub async fn show(
    session: Result<Session, Problem>,
    request: HttpRequest,
    Query(Asked { next }): Query<Asked>,
) -> HttpResponse {
    if session.is_ok() {
        return go_to(&destination(next.as_deref()), None);
    }
    let content = sign_in_page(&request, ("", next.as_deref()), &Mistakes::default());
    SITE.respond(&request, StatusCode::OK, &page("Sign in", SIGN_IN, content))
}

/// Signs in.
pub async fn sign_in(
    request: HttpRequest,
    client: Client,
    PresentedCookie(before): PresentedCookie,
    Form(Known { email, password, next }): Form<Known>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    match sessions.open(&email, &password, before, &client).await {
        Ok(opened) => Ok(go_to(&destination(next.as_deref()), Some(cookie::set(&opened.token)))),
        Err(error) => {
            let (mistakes, problem) = Mistakes::of(error)?;
            let content = sign_in_page(&request, (&email, next.as_deref()), &mistakes);
            let page = page("Error: Sign in", SIGN_IN, content);
            Err(SITE.answer_with(&request, cookie::is_kept(&request), &page, problem))
        }
    }
}

/// Shows the form to sign up, with a name and an email that are made up.
pub async fn show_sign_up(session: Result<Session, Problem>, request: HttpRequest) -> HttpResponse {
    if session.is_ok() {
        return go_to(HOME, None);
    }
    let (name, email) = made_up();
    let content = sign_up_page(&request, &name, &email, &Mistakes::default());
    SITE.respond(&request, StatusCode::OK, &page("Sign up", SIGN_UP, content))
}

/// Signs up and in.
pub async fn sign_up(
    request: HttpRequest,
    client: Client,
    PresentedCookie(before): PresentedCookie,
    Form(Unknown { name, email, password }): Form<Unknown>,
    users: web::Data<Users>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    let new = NewUser { email, password, name: Some(name) };
    if let Err(error) = users.create(&new, &client).await {
        let (mistakes, problem) = Mistakes::of(error)?;
        let content = sign_up_page(&request, new.name.as_deref().unwrap_or_default(), &new.email, &mistakes);
        let page = page("Error: Sign up", SIGN_UP, content);
        return Err(SITE.answer_with(&request, cookie::is_kept(&request), &page, problem));
    }
    let opened = sessions.open(&new.email, &new.password, before, &client).await?;
    Ok(go_to(HOME, Some(cookie::set(&opened.token))))
}

/// Signs out. Somebody whose session has ended already is signed out, too.
pub async fn sign_out(
    session: Result<Session, Problem>,
    client: Client,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    match session {
        Ok(session) => sessions.end(session, session.id, &client).await?,
        Err(problem) if problem.kind().slug == NOT_SIGNED_IN.slug => {}
        Err(problem) => return Err(problem),
    }
    Ok(go_to(HOME, Some(cookie::clear())))
}

/// The answer to a form whose session has ended: it asks to sign in, and then leads back.
pub(super) fn ask_again(request: &HttpRequest) -> Page<'static> {
    let next = back::page_of(request.path());
    let content = html! {
        div.narrow.stack {
            h1 { "Sign in" }
            div.note data-is=(State::Warning.name()) role="alert" {
                (State::Warning.icon())
                div { p { b { "You were signed out. Nothing was changed." } " Sign in, then do it again." } }
            }
            (sign_in_form(("", next.as_deref()), &Mistakes::default(), true))
        }
    };
    page("Sign in", SIGN_IN, content)
}

fn page<'a>(title: &'a str, current: &'a str, content: Markup) -> Page<'a> {
    Page { title, current, content, assets: &[Asset::Forms], images: None }
}

fn sign_in_page(request: &HttpRequest, typed: (&str, Option<&str>), mistakes: &Mistakes) -> Markup {
    html! {
        div.narrow.stack {
            h1 { "Sign in" }
            (mistakes.summary("in"))
            (warning(request))
            (sign_in_form(typed, mistakes, false))
            p { "No account yet? " a href=(SIGN_UP) { "Sign up" } }
        }
    }
}

fn sign_in_form((email, next): (&str, Option<&str>), mistakes: &Mistakes, autofocus: bool) -> Markup {
    html! {
        form.card.stack method="post" action=(SIGN_IN) {
            (sign_in_fields(email, mistakes, autofocus))
            @if let Some(next) = next { input type="hidden" name="next" value=(next); }
            button.go { "Sign in" }
        }
    }
}

fn sign_up_page(request: &HttpRequest, name: &str, email: &str, mistakes: &Mistakes) -> Markup {
    html! {
        div.narrow.stack {
            h1 { "Sign up" }
            (mistakes.summary("up"))
            (warning(request))
            form.card.stack method="post" action=(SIGN_UP) {
                (sign_up_fields(name, email, mistakes))
                div.row { button.go { "Sign up" } a href=(SIGN_IN) { "Sign in instead" } }
            }
        }
    }
}
