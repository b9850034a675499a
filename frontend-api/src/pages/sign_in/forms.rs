//! The fields of the forms that sign in and up. The start page has them, too.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, X_FORWARDED_PROTO};
use causeway_common::http::page::State;
use causeway_common::random;
use maud::{Markup, html};

use crate::pages::form::{Field, Mistakes, field};

const FIRST_NAMES: [&str; 8] = ["Marlow", "Wren", "Ines", "Tove", "Kofi", "Mira", "Anouk", "Davi"];
const LAST_NAMES: [&str; 8] = ["Finch", "Okafor", "Lindqvist", "Moreau", "Sato", "Novak", "Reyes", "Hale"];

/// The fields of the form that signs in. With `autofocus`, typing begins there.
pub(in crate::pages) fn sign_in_fields(email: &str, mistakes: &Mistakes, autofocus: bool) -> Markup {
    let of = |name, label, kind, autocomplete| Field {
        form: "in",
        name,
        label,
        kind,
        autocomplete,
        required: true,
        ..Field::default()
    };
    let email = Field { value: email, autofocus, ..of("email", "Email", "email", "email") };
    let password = of("password", "Password", "password", "current-password");
    html! { (field(&email, mistakes)) (field(&password, mistakes)) }
}

/// The fields of the form that signs up.
pub(in crate::pages) fn sign_up_fields(name: &str, email: &str, mistakes: &Mistakes) -> Markup {
    let of =
        |name, label, kind, autocomplete| Field { form: "up", name, label, kind, autocomplete, ..Field::default() };
    let name = Field { value: name, ..of("name", "Name", "text", "name") };
    let email = Field { value: email, required: true, ..of("email", "Email", "email", "email") };
    let password = Field {
        required: true,
        hint: "8 characters or more. A few unrelated words are good.",
        ..of("password", "Password", "password", "new-password")
    };
    html! {
        p.hint { "Name and email are made up for you. Keep them or type your own." }
        (field(&name, mistakes))
        (field(&email, mistakes))
        (field(&password, mistakes))
    }
}

/// Says why a browser will not keep the session, where it will not.
pub(in crate::pages) fn warning(request: &HttpRequest) -> Markup {
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

/// Returns a name and an email for somebody who wants to type neither.
pub(in crate::pages) fn made_up() -> (String, String) {
    let [first, last, high, low] = random::bytes();
    let pick = |names: [&'static str; 8], n: u8| names[usize::from(n) % names.len()];
    let (first, last) = (pick(FIRST_NAMES, first), pick(LAST_NAMES, last));
    let number = u16::from_be_bytes([high, low]);
    let email = format!("{}.{}.{number}@example.com", first.to_lowercase(), last.to_lowercase());
    (format!("{first} {last}"), email)
}
