//! | method | path                | answer |
//! |--------|---------------------|--------|
//! | POST   | `/sessions`         | 201, a new session: its token, also as a cookie |
//! | GET    | `/sessions`         | the caller's sessions |
//! | DELETE | `/sessions/current` | 204, and this session ends |
//! | DELETE | `/sessions/{id}`    | 204, and that session of the caller ends |

use actix_web::{HttpResponse, web};
use causeway_common::http::body::Json;
use causeway_common::http::input::Id;
use causeway_common::http::problem::{JsonBody, Problem, ProblemBody};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sessions;
use crate::auth::{Client, Listed, OwnChanged, OwnShown, PresentedCookie, Session, SessionId, cookie};
use crate::users::{Answer, Timestamp};

/// The email and the password of a sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    #[schema(format = "email", example = "jane@example.com")]
    email: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// A session of the caller.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub struct ShownSession {
    id: SessionId,
    /// UTC.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// UTC, up to a minute old.
    #[schema(value_type = String, format = DateTime)]
    last_seen: Timestamp,
    /// The client's User-Agent at the sign-in.
    user_agent: Option<String>,
    /// Whether this request uses this session.
    current: bool,
}

/// A session that was opened.
#[derive(Serialize, ToSchema)]
pub struct NewSession {
    data: ShownSession,
    #[schema(example = "created")]
    message: &'static str,
    /// For `Authorization: Bearer`. Browsers have it as a cookie.
    token: String,
}

/// Signs in. If the request sends the cookie of a session, that session ends.
#[utoipa::path(post, path = "/sessions", tag = "sessions", request_body = SignIn, responses(
    (status = 201, description = "The new session; its token is also the cookie `__Host-session`", body = NewSession),
    JsonBody,
    (status = 401, description = "No user has this email and this password", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "A page of another site sent the request", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "A field is missing or unknown", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "Too many attempts from this address or for this account", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable, or too many passwords wait", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn create(
    client: Client,
    PresentedCookie(before): PresentedCookie,
    Json(SignIn { email, password }): Json<SignIn>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    let opened = sessions.open(&email, &password, before, &client).await?;
    let token = opened.token.secret().expose_secret().to_owned();
    let id = opened.session.id;
    let data = shown(opened.session, Some(id));
    let answer = NewSession { data, message: "created", token };
    Ok(HttpResponse::Created().cookie(cookie::set(&opened.token)).json(answer))
}

/// Lists the caller's sessions, the newest first.
#[utoipa::path(get, path = "/sessions", tag = "sessions", security(("cookie" = []), ("bearer" = [])), responses(
    (status = 200, description = "The caller's sessions, the newest first", body = Answer<Vec<ShownSession>>),
    OwnShown,
    (status = 503, description = "The database is unavailable, slow or has too many waiting requests", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    session: Session,
    sessions: web::Data<Sessions>,
) -> Result<web::Json<Answer<Vec<ShownSession>>>, Problem> {
    let listed = sessions.list(session).await?;
    let data = listed.into_iter().map(|listed| shown(listed, Some(session.id))).collect();
    Ok(web::Json(Answer { data, message: "findAll" }))
}

/// Ends the session of this request.
#[utoipa::path(delete, path = "/sessions/current", tag = "sessions", security(("cookie" = []), ("bearer" = [])), responses(
    (status = 204, description = "The session of this request has ended"),
    OwnChanged,
    (status = 404, description = "The session ended while the request was served", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable, slow or has too many waiting requests", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn end_current(
    session: Session,
    client: Client,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    sessions.end(session, session.id, &client).await?;
    Ok(HttpResponse::NoContent().cookie(cookie::clear()).finish())
}

/// Ends another session of the caller.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions", params(("id" = SessionId, Path, description = "The session's id")), security(("cookie" = []), ("bearer" = [])), responses(
    (status = 204, description = "The session has ended"),
    OwnChanged,
    (status = 404, description = "You have no session with this id", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable, slow or has too many waiting requests", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn end(
    session: Session,
    client: Client,
    Id(id): Id<SessionId>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    sessions.end(session, id, &client).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn shown(listed: Listed, current: Option<SessionId>) -> ShownSession {
    let Listed { id, created_at, last_seen, user_agent } = listed;
    let (created_at, last_seen) = (Timestamp(created_at), Timestamp(last_seen));
    ShownSession { id, created_at, last_seen, user_agent, current: current == Some(id) }
}
