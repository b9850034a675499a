//! What the account page shows.

use causeway_common::http::page::State;
use maud::{Markup, html};

use super::browser::name_of;
use super::{Account, Done};
use crate::auth::Listed;
use crate::pages::form::{Field, Mistakes, field};
use crate::pages::times;

pub(super) fn content(account: &Account<'_>, done: Option<Done>) -> Markup {
    let told = done.map(|done| match done {
        Done::Name => "The name is saved.",
        Done::Credentials => "Email and password are saved. You are signed out everywhere but here.",
        Done::Sessions => "You are signed out everywhere but here.",
        Done::Session => "Signed out there. That browser is asked to sign in with its next step.",
    });
    html! {
        div.narrow.stack {
            h1 { "Account" }
            @if let Some(told) = told {
                div.note data-is=(State::Ok.name()) role="status" tabindex="-1" autofocus { (State::Ok.icon()) div { p { (told) } } }
            }
            (account.refused.1.summary(account.refused.0))
            (forms(account))
            (list(account))
            (stored())
            (farewell(account))
        }
    }
}

fn forms(account: &Account<'_>) -> Markup {
    let none = Mistakes::default();
    let mistakes = |form| if account.refused.0 == form { &account.refused.1 } else { &none };
    let name = Field {
        form: "name",
        name: "name",
        label: "Name",
        autocomplete: "name",
        value: account.name,
        ..Field::default()
    };
    let of = |name, label, kind, autocomplete| Field {
        form: "credentials",
        name,
        label,
        kind,
        autocomplete,
        ..Field::default()
    };
    let email = Field { value: account.email, required: true, ..of("email", "Email", "email", "email") };
    let password =
        Field { hint: "Empty: it stays as it is.", ..of("password", "New password", "password", "new-password") };
    let current = Field { required: true, ..of("current", "Present password", "password", "current-password") };
    html! {
        section.card.stack {
            h2 { "Name" }
            form.stack method="post" action="/app/account/name" {
                (field(&name, mistakes("name")))
                button { "Save name" }
            }
        }
        section.card.stack {
            h2 { "Email and password" }
            p.hint { "A change signs you out everywhere but here." }
            form.stack method="post" action="/app/account/credentials" {
                (field(&email, mistakes("credentials")))
                (field(&password, mistakes("credentials")))
                (field(&current, mistakes("credentials")))
                button { "Save email and password" }
            }
        }
    }
}

fn list(account: &Account<'_>) -> Markup {
    html! {
        section.stack {
            h2 { "Where you are signed in" }
            table {
                caption.sr { "Your sessions" }
                thead { tr { th scope="col" { "Browser" } th scope="col" { "Signed in" } th scope="col" { "Last seen" } th scope="col" { span.sr { "Sign out" } } } }
                tbody { @for listed in account.sessions { (row(listed, listed.id == account.current)) } }
            }
            @if account.sessions.len() > 1 {
                form method="post" action="/app/account/sessions" { button { "Sign out everywhere else" } }
            }
        }
    }
}

/// The short form of docs/data.md.
fn stored() -> Markup {
    let facts = [
        ("Account", "Email, name and a hash of your password, until you delete the account."),
        ("Sessions", "Times and the browser's name for itself, until you sign out, or the session expires."),
        (
            "Diary",
            "Texts, pictures and their descriptions. An entry that you delete is kept for 30 days, so that you can undo it.",
        ),
        ("Pictures", "Without place, time and camera: these are removed before a picture is stored."),
        ("Tries to sign in", "Counts, with hashes of email and network address, for a short time."),
    ];
    html! {
        section.card.stack {
            h2 { "What is stored about you" }
            dl.facts { @for (name, fact) in facts { div { dt { (name) } dd { (fact) } } } }
            p.hint { "Deleting the account removes all of it. Backups and logs keep what they have until they expire." }
        }
    }
}

fn row(listed: &Listed, current: bool) -> Markup {
    let user_agent = listed.user_agent.as_deref();
    let client = user_agent.map_or_else(|| "No User-Agent sent".to_owned(), name_of);
    html! {
        tr {
            td dir="auto" title=[user_agent] { (client) }
            td data-name="Signed in" { (times::minute(listed.created_at, None)) }
            td data-name="Last seen" { (times::minute(listed.last_seen, None)) }
            td {
                @if current { "This one" } @else {
                    form method="post" action={ "/app/account/sessions/" (listed.id) } {
                        button { "Sign out there" span.sr { ": " (client) } }
                    }
                }
            }
        }
    }
}

fn farewell(account: &Account<'_>) -> Markup {
    let none = Mistakes::default();
    let mistakes = if account.refused.0 == "delete" { &account.refused.1 } else { &none };
    let current = Field {
        form: "delete",
        name: "current",
        label: "Present password",
        kind: "password",
        autocomplete: "current-password",
        required: true,
        ..Field::default()
    };
    html! {
        section.card.stack {
            h2 { "Delete the account" }
            p { "The account of " (account.user.email) " and everything that belongs to it are removed. This cannot be undone." }
            form.stack method="post" action="/app/account/delete" {
                (field(&current, mistakes))
                button.danger { "Delete everything" }
            }
        }
    }
}
