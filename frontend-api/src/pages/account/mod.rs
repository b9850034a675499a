//! `/app/account`: one's own name, email, password and sessions.

mod browser;
mod view;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::body::Form;
use causeway_common::http::input::{Id, Query};
use causeway_common::http::page::{Asset, Page};
use causeway_common::http::problem::Problem;
use maud::Markup;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use self::view::content;
use super::form::{Mistakes, go_to};
use super::{ACCOUNT, HOME, SITE};
use crate::auth::{Caller, Client, Listed, Session, SessionId, cookie};
use crate::sessions::Sessions;
use crate::users::{Change, User, UserError, Users};

/// What was done before the page is shown.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Done {
    Name,
    Credentials,
    Session,
    Sessions,
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
    request: HttpRequest,
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
    Ok(SITE.respond(&request, StatusCode::OK, &page("Account", content)))
}

/// Changes the name.
pub async fn rename(
    session: Session,
    request: HttpRequest,
    client: Client,
    Form(NewName { name }): Form<NewName>,
    users: web::Data<Users>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    let change = Change { name: Some(name), ..Change::default() };
    match users.change(Caller::User(session), session.user, &change, &client).await {
        Ok(_) => Ok(go_to(&format!("{ACCOUNT}?done=name"), None)),
        Err(error) => refuse("name", error, (session, &request), &change, (&users, &sessions)).await,
    }
}

/// Changes email and password. All other sessions end.
pub async fn change(
    session: Session,
    request: HttpRequest,
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
        Err(error) => refuse("credentials", error, (session, &request), &change, (&users, &sessions)).await,
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

/// Ends all sessions but this one.
pub async fn end_others(
    session: Session,
    client: Client,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    sessions.end_others(session, &client).await?;
    Ok(go_to(&format!("{ACCOUNT}?done=sessions"), None))
}

/// Deletes the account.
pub async fn delete(
    session: Session,
    request: HttpRequest,
    client: Client,
    Form(Farewell { current }): Form<Farewell>,
    users: web::Data<Users>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    match users.delete(Caller::User(session), session.user, Some(&current), &client).await {
        Ok(_) => Ok(go_to(HOME, Some(cookie::clear()))),
        Err(error) => refuse("delete", error, (session, &request), &Change::default(), (&users, &sessions)).await,
    }
}

/// Shows the account again, with what was typed into `form` and why it was refused.
async fn refuse(
    form: &'static str,
    error: UserError,
    (session, request): (Session, &HttpRequest),
    typed: &Change,
    (users, sessions): (&Users, &Sessions),
) -> Result<HttpResponse, Problem> {
    let (mistakes, problem) = Mistakes::of(error)?;
    let (user, listed) = (users.find(session.user).await?, sessions.list(session).await?);
    let account = Account {
        user: &user,
        sessions: &listed,
        current: session.id,
        email: typed.email.as_deref().unwrap_or(&user.email),
        name: typed.name.as_deref().or(user.name.as_deref()).unwrap_or_default(),
        refused: (form, mistakes),
    };
    let page = page("Error: Account", content(&account, None));
    Err(SITE.answer_with(request, cookie::is_kept(request), &page, problem))
}

fn page(title: &str, content: Markup) -> Page<'_> {
    let assets = &[Asset::Forms, Asset::Tables, Asset::Path, Asset::Live];
    Page { title, current: ACCOUNT, content, assets, images: None }
}
