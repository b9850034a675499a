//! `/app/sign-in`, `/app/sign-up` and `/app/sign-out`.

use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, X_FORWARDED_PROTO};
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::limits::Form;
use causeway_common::http::page::{Page, State};
use causeway_common::http::problem::Problem;
use maud::{Markup, html};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::SecretString;
use serde::Deserialize;

use super::form::{Field, Mistakes, field, go_to};
use super::{ACCOUNT, HOME, SIGN_IN, SIGN_UP, SITE};
use crate::auth::{Client, PresentedCookie, Session, cookie};
use crate::sessions::Sessions;
use crate::users::{NewUser, Users};

const FIRST_NAMES: [&str; 8] = ["Marlow", "Wren", "Ines", "Tove", "Kofi", "Mira", "Anouk", "Davi"];
const LAST_NAMES: [&str; 8] = ["Finch", "Okafor", "Lindqvist", "Moreau", "Sato", "Novak", "Reyes", "Hale"];

/// What the form to sign in sends.
#[derive(Deserialize)]
pub struct Known {
    email: String,
    password: SecretString,
}

/// What the form to sign up sends.
#[derive(Deserialize)]
pub struct Unknown {
    name: String,
    email: String,
    password: SecretString,
}

/// Shows the form to sign in.
pub async fn show(request: HttpRequest) -> HttpResponse {
    let content = sign_in_form(&request, "", &Mistakes::default());
    SITE.respond(StatusCode::OK, &Page { title: "Sign in", current: SIGN_IN, content })
}

/// Signs in.
pub async fn sign_in(
    request: HttpRequest,
    client: Client,
    PresentedCookie(before): PresentedCookie,
    Form(Known { email, password }): Form<Known>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    match sessions.open(&email, &password, before, &client).await {
        Ok(opened) => Ok(go_to(ACCOUNT, Some(cookie::set(&opened.token)))),
        Err(error) => {
            let mistakes = Mistakes::of(error)?;
            let content = sign_in_form(&request, &email, &mistakes);
            Ok(mistakes.respond(&Page { title: "Error: Sign in", current: SIGN_IN, content }))
        }
    }
}

/// Shows the form to sign up, with a name and an email that are made up.
pub async fn show_sign_up(request: HttpRequest) -> HttpResponse {
    let (name, email) = made_up();
    let content = sign_up_form(&request, &name, &email, &Mistakes::default());
    SITE.respond(StatusCode::OK, &Page { title: "Sign up", current: SIGN_UP, content })
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
        let mistakes = Mistakes::of(error)?;
        let content = sign_up_form(&request, new.name.as_deref().unwrap_or_default(), &new.email, &mistakes);
        return Ok(mistakes.respond(&Page { title: "Error: Sign up", current: SIGN_UP, content }));
    }
    let opened = sessions.open(&new.email, &new.password, before, &client).await?;
    Ok(go_to(ACCOUNT, Some(cookie::set(&opened.token))))
}

/// Signs out.
pub async fn sign_out(
    session: Session,
    client: Client,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    sessions.end(session, session.id, &client).await?;
    Ok(go_to(HOME, Some(cookie::clear())))
}

fn sign_in_form(request: &HttpRequest, email: &str, mistakes: &Mistakes) -> Markup {
    let email = Field {
        form: "in",
        name: "email",
        label: "Email",
        kind: "email",
        autocomplete: "email",
        value: email,
        required: true,
        ..Field::default()
    };
    let password = Field {
        form: "in",
        name: "password",
        label: "Password",
        kind: "password",
        autocomplete: "current-password",
        required: true,
        ..Field::default()
    };
    html! {
        div.narrow.stack {
            h1 { "Sign in" }
            (mistakes.summary())
            (warning(request))
            form.card.stack method="post" action=(SIGN_IN) {
                (field(&email, mistakes))
                (field(&password, mistakes))
                button.go { "Sign in" }
            }
            p { "No account yet? " a href=(SIGN_UP) { "Sign up" } }
        }
    }
}

fn sign_up_form(request: &HttpRequest, name: &str, email: &str, mistakes: &Mistakes) -> Markup {
    let name = Field { form: "up", name: "name", label: "Name", autocomplete: "name", value: name, ..Field::default() };
    let email = Field {
        form: "up",
        name: "email",
        label: "Email",
        kind: "email",
        autocomplete: "email",
        value: email,
        required: true,
        ..Field::default()
    };
    let password = Field {
        form: "up",
        name: "password",
        label: "Password",
        kind: "password",
        autocomplete: "new-password",
        required: true,
        hint: "8 characters or more. A few unrelated words are easy to keep in mind.",
        ..Field::default()
    };
    html! {
        div.narrow.stack {
            h1 { "Sign up" }
            (mistakes.summary())
            (warning(request))
            form.card.stack method="post" action=(SIGN_UP) {
                p.hint { "Name and email are made up for you. Keep them or type your own." }
                (field(&name, mistakes))
                (field(&email, mistakes))
                (field(&password, mistakes))
                button.go { "Sign up" }
            }
            p { "You have an account? " a href=(SIGN_IN) { "Sign in" } }
        }
    }
}

/// Says why a browser will not keep the session, where it will not.
fn warning(request: &HttpRequest) -> Markup {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let local = ["localhost", "127.", "[::1]"].iter().any(|name| header(HOST).starts_with(name));
    html! {
        @if !local && header(X_FORWARDED_PROTO) != "https" {
            div.note data-is=(State::Warning.name()) {
                (State::Warning.icon())
                div { p { b { "Signing in does not work over plain HTTP." } " The browser keeps the session only over HTTPS." } }
            }
        }
    }
}

fn made_up() -> (String, String) {
    let mut random = [0; 4];
    SystemRandom::new().fill(&mut random).expect("the kernel gives random bytes");
    let [first, last, high, low] = random;
    let pick = |names: [&'static str; 8], n: u8| names[usize::from(n) % names.len()];
    let (first, last) = (pick(FIRST_NAMES, first), pick(LAST_NAMES, last));
    let number = u16::from_be_bytes([high, low]);
    let email = format!("{}.{}.{number}@example.com", first.to_lowercase(), last.to_lowercase());
    (format!("{first} {last}"), email)
}
