//! `/app/account`: one's own name, email, password and sessions.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use causeway_common::http::input::{Id, Query};
use causeway_common::http::limits::Form;
use causeway_common::http::page::{Page, State};
use causeway_common::http::problem::Problem;
use maud::{Markup, html};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::form::{Field, Mistakes, field, go_to};
use super::{ACCOUNT, HOME, SITE};
use crate::auth::{Caller, Client, Listed, Session, SessionId, cookie};
use crate::sessions::Sessions;
use crate::users::{Change, Timestamp, User, UserError, Users};

/// What was done before the page is shown.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Done {
    Name,
    Credentials,
    Session,
}

/// The query of the page.
#[derive(Deserialize)]
pub struct Shown {
    done: Option<Done>,
}

/// What the form of the name sends.
#[derive(Deserialize)]
pub struct NewName {
    name: String,
}

/// What the form of email and password sends.
#[derive(Deserialize)]
pub struct NewCredentials {
    email: String,
    password: SecretString,
    current: SecretString,
}

/// What the form that deletes the account sends.
#[derive(Deserialize)]
pub struct Farewell {
    current: SecretString,
}

/// The account, as a page or as a form that was refused shows it.
struct Account<'a> {
    user: &'a User,
    sessions: &'a [Listed],
    current: SessionId,
    /// Typed into the form that was refused.
    email: &'a str,
    name: &'a str,
    /// The form that was refused, and why.
    refused: (&'static str, Mistakes),
}

/// Shows the account.
pub async fn show(
    session: Session,
    Query(Shown { done }): Query<Shown>,
    users: web::Data<Users>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    let (user, listed) = (users.find(session.user).await?, sessions.list(session).await?);
    let account = Account {
        user: &user,
        sessions: &listed,
        current: session.id,
        email: &user.email,
        name: user.name.as_deref().unwrap_or_default(),
        refused: ("", Mistakes::default()),
    };
    let content = content(&account, done);
    Ok(SITE.respond(StatusCode::OK, &Page { title: "Account", current: ACCOUNT, content }))
}

/// Changes the name.
pub async fn rename(
    session: Session,
    client: Client,
    Form(NewName { name }): Form<NewName>,
    users: web::Data<Users>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    let change = Change { name: Some(name), ..Change::default() };
    match users.change(Caller::User(session), session.user, &change, &client).await {
        Ok(_) => Ok(go_to(&format!("{ACCOUNT}?done=name"), None)),
        Err(error) => refuse("name", error, session, &change, &users, &sessions).await,
    }
}

/// Changes email and password. All other sessions end.
pub async fn change(
    session: Session,
    client: Client,
    Form(new): Form<NewCredentials>,
    users: web::Data<Users>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    let password = (!new.password.expose_secret().is_empty()).then_some(new.password);
    let change = Change { email: Some(new.email), password, current_password: Some(new.current), name: None };
    match users.change(Caller::User(session), session.user, &change, &client).await {
        Ok(changed) => {
            let cookie = changed.opened.map(|opened| cookie::set(&opened.token));
            Ok(go_to(&format!("{ACCOUNT}?done=credentials"), cookie))
        }
        Err(error) => refuse("credentials", error, session, &change, &users, &sessions).await,
    }
}

/// Ends one of the sessions.
pub async fn end(
    session: Session,
    client: Client,
    Id(id): Id<SessionId>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    sessions.end(session, id, &client).await?;
    Ok(go_to(&format!("{ACCOUNT}?done=session"), None))
}

/// Deletes the account.
pub async fn delete(
    session: Session,
    client: Client,
    Form(Farewell { current }): Form<Farewell>,
    users: web::Data<Users>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    match users.delete(Caller::User(session), session.user, Some(&current), &client).await {
        Ok(_) => Ok(go_to(HOME, Some(cookie::clear()))),
        Err(error) => refuse("delete", error, session, &Change::default(), &users, &sessions).await,
    }
}

/// Shows the account again, with what was typed into `form` and why it was refused.
async fn refuse(
    form: &'static str,
    error: UserError,
    session: Session,
    typed: &Change,
    users: &Users,
    sessions: &Sessions,
) -> Result<HttpResponse, Problem> {
    let mistakes = Mistakes::of(error)?;
    let (user, listed) = (users.find(session.user).await?, sessions.list(session).await?);
    let account = Account {
        user: &user,
        sessions: &listed,
        current: session.id,
        email: typed.email.as_deref().unwrap_or(&user.email),
        name: typed.name.as_deref().or(user.name.as_deref()).unwrap_or_default(),
        refused: (form, mistakes),
    };
    let content = content(&account, None);
    Ok(account.refused.1.respond(&Page { title: "Error: Account", current: ACCOUNT, content }))
}

fn content(account: &Account<'_>, done: Option<Done>) -> Markup {
    let told = done.map(|done| match done {
        Done::Name => "The name is saved.",
        Done::Credentials => "Email and password are saved. You are signed out everywhere but here.",
        Done::Session => "Signed out there.",
    });
    html! {
        div.narrow.stack {
            div.row.between {
                h1 { "Account" }
                form method="post" action="/app/sign-out" { button { "Sign out" } }
            }
            @if let Some(told) = told {
                div.note data-is=(State::Ok.name()) role="status" { (State::Ok.icon()) div { p { (told) } } }
            }
            (account.refused.1.summary())
            (forms(account))
            (list(account))
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
                thead { tr { th scope="col" { "Client" } th scope="col" { "Signed in" } th scope="col" { "Last seen" } th scope="col" { span.sr { "Sign out" } } } }
                tbody { @for listed in account.sessions { (row(listed, listed.id == account.current)) } }
            }
        }
    }
}

fn row(listed: &Listed, current: bool) -> Markup {
    let client = listed.user_agent.as_deref().unwrap_or("No User-Agent sent");
    html! {
        tr {
            td dir="auto" { (client) }
            td data-name="Signed in" { time { (Timestamp(listed.created_at).to_minute()) } }
            td data-name="Last seen" { time { (Timestamp(listed.last_seen).to_minute()) } }
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
