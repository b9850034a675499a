//! | method | path                | answer |
//! |--------|---------------------|--------|
//! | POST   | `/sessions`         | 201, a new session: its token, also as a cookie |
//! | GET    | `/sessions`         | one's own sessions |
//! | DELETE | `/sessions/current` | 204: signed out |
//! | DELETE | `/sessions/{id}`    | 204: signed out there |

use actix_web::{HttpResponse, web};
use causeway_common::http::input::Id;
use causeway_common::http::limits::Json;
use causeway_common::http::problem::{Problem, ProblemBody};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sessions;
use crate::auth::{Client, Listed, PresentedCookie, Session, SessionId, cookie};
use crate::users::{Answer, Timestamp};

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    #[schema(format = "email", example = "jane@example.com")]
    email: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// One of one's own sessions.
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
    /// What the client called itself when it signed in.
    user_agent: Option<String>,
    /// Whether this request belongs to it.
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

/// Signs in. The session whose cookie was sent ends.
#[utoipa::path(post, path = "/sessions", tag = "sessions", request_body = SignIn, responses(
    (status = 201, description = "The new session; its token is also the cookie `__Host-session`", body = NewSession),
    (status = 400, description = "The body is not JSON or did not arrive whole", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "No user has this email and this password", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "A page of another site sent the request", body = ProblemBody, content_type = "application/problem+json"),
    (status = 408, description = "The body is too slow", body = ProblemBody, content_type = "application/problem+json"),
    (status = 413, description = "The body is too large", body = ProblemBody, content_type = "application/problem+json"),
    (status = 415, description = "The body is not `application/json`", body = ProblemBody, content_type = "application/problem+json"),
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

/// Lists one's own sessions, the newest first.
#[utoipa::path(get, path = "/sessions", tag = "sessions", security(("cookie" = []), ("bearer" = [])), responses(
    (status = 200, description = "One's own sessions, the newest first", body = Answer<Vec<ShownSession>>),
    (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "The admin has no sessions", body = ProblemBody, content_type = "application/problem+json"),
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

/// Signs out.
#[utoipa::path(delete, path = "/sessions/current", tag = "sessions", security(("cookie" = []), ("bearer" = [])), responses(
    (status = 204, description = "The session of this request has ended"),
    (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "The admin has no session, or a page of another site sent the request", body = ProblemBody, content_type = "application/problem+json"),
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

/// Signs out elsewhere.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions", params(("id" = SessionId, Path, description = "The session's id")), security(("cookie" = []), ("bearer" = [])), responses(
    (status = 204, description = "The session has ended"),
    (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "The admin has no sessions, or a page of another site sent the request", body = ProblemBody, content_type = "application/problem+json"),
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
