//! | method | path          | answer |
//! |--------|---------------|--------|
//! | POST   | `/users`      | 201, the new user |
//! | GET    | `/users`      | users in the order of their ids, page by page |
//! | GET    | `/users/{id}` | one user |
//! | PUT    | `/users/{id}` | the changed user |
//! | DELETE | `/users/{id}` | the user that was deleted |

use std::collections::BTreeMap;

use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::body::Json;
use causeway_common::http::input::{Id, Query};
use causeway_common::http::problem::{FIELDS_REFUSED, JsonBody, Problem, ProblemBody, describe};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::view::{Answer, ShownUser};
use super::{Change, Changed, NewUser, Users};
use crate::auth::{Caller, Client, UserId, Via, cookie};

const PAGE: u16 = 20;
const LONGEST_PAGE: u16 = 100;

/// A route that shows who one is by a password, described for OpenAPI.
struct Guarded;

impl IntoResponses for Guarded {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        describe([
            (401, "Not signed in"),
            (
                403,
                "The account belongs to another user, the present password is missing or wrong, or a page of another site sent the request",
            ),
            (404, "No user has this id"),
            (429, "Too many attempts"),
            (503, "The database is unavailable, or too many passwords wait"),
        ])
    }
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// In ASCII, at most 254 characters. Upper and lower case do not matter.
    #[schema(format = "email", max_length = 254, example = "jane@example.com")]
    email: String,
    /// 8 to 128 characters, not a common password, without the part of the email before the @.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128)]
    password: SecretString,
    /// At most 100 characters.
    #[schema(max_length = 100, example = "Jane")]
    name: Option<String>,
}

/// The changes. A field that is absent does not change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct UserChange {
    /// Needs `currentPassword`, and ends all sessions.
    #[schema(format = "email", max_length = 254)]
    email: Option<String>,
    /// Needs `currentPassword`, and ends all sessions.
    #[schema(value_type = Option<String>, format = Password, min_length = 8, max_length = 128)]
    password: Option<SecretString>,
    /// An empty one removes the name.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// The present password. The admin needs none.
    #[schema(value_type = Option<String>, format = Password)]
    current_password: Option<SecretString>,
}

/// The present password.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Confirmation {
    /// The admin needs none.
    #[schema(value_type = Option<String>, format = Password)]
    current_password: Option<SecretString>,
}

/// Which page of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only users with greater ids: `next` of the page before.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// Most users on the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u16>,
}

/// A page of the list.
#[derive(Serialize, ToSchema)]
pub struct UserList {
    data: Vec<ShownUser>,
    #[schema(example = "findAll")]
    message: &'static str,
    /// The value of `after` for the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    next: Option<UserId>,
}

/// The changed user, and a new token if all sessions ended.
#[derive(Serialize, ToSchema)]
pub struct ChangedUser {
    data: ShownUser,
    #[schema(example = "updated")]
    message: &'static str,
    /// The token of the caller's new session. A browser gets it as a cookie instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    token: Option<String>,
}

/// Creates a user.
#[utoipa::path(post, path = "/users", tag = "users", request_body = SignUp, responses(
    (status = 201, description = "The new user", body = Answer<ShownUser>, headers(("Location" = String, description = "The user's path"))),
    JsonBody,
    (status = 403, description = "A page of another site sent the request", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "Another user has this email", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "A field is not accepted", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "Too many attempts from this address", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable, or too many passwords wait", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn create(
    client: Client,
    Json(sign_up): Json<SignUp>,
    users: web::Data<Users>,
) -> Result<HttpResponse, Problem> {
    let SignUp { email, password, name } = sign_up;
    let user = users.create(&NewUser { email, password, name }, &client).await?;
    let location = (LOCATION, format!("/users/{}", user.id));
    let answer = Answer { data: ShownUser::whole(user), message: "created" };
    Ok(HttpResponse::Created().insert_header(location).json(answer))
}

/// Lists users in the order of their ids.
#[utoipa::path(get, path = "/users", tag = "users", params(ListQuery), security(("cookie" = []), ("bearer" = []), ("admin" = [])), responses(
    (status = 200, description = "A page of users; emails of other users are masked", body = UserList),
    (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "A parameter is not accepted", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable, slow or has too many waiting requests", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    caller: Caller,
    Query(query): Query<ListQuery>,
    users: web::Data<Users>,
) -> Result<web::Json<UserList>, Problem> {
    let (after, limit) = (query.after.unwrap_or(0), query.limit.unwrap_or(PAGE));
    if !(1..=LONGEST_PAGE).contains(&limit) || after < 0 {
        let detail = format!("`limit` is from 1 to {LONGEST_PAGE}, and `after` is not negative.");
        return Err(Problem::new(&FIELDS_REFUSED, detail));
    }
    let page = users.list(after, limit).await?;
    let next = page.users.last().map(|user| user.id).filter(|_| page.more);
    let data = page.users.into_iter().map(|user| ShownUser::to(caller, user)).collect();
    Ok(web::Json(UserList { data, message: "findAll", next }))
}

/// Shows one user.
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = UserId, Path, description = "The user's id")), security(("cookie" = []), ("bearer" = []), ("admin" = [])), responses(
    (status = 200, description = "The user; the email of another user is masked", body = Answer<ShownUser>),
    (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "No user has this id", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable, slow or has too many waiting requests", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn show(
    caller: Caller,
    Id(id): Id<UserId>,
    users: web::Data<Users>,
) -> Result<web::Json<Answer<ShownUser>>, Problem> {
    let user = users.find(id).await?;
    Ok(web::Json(Answer { data: ShownUser::to(caller, user), message: "findOne" }))
}

/// Changes the caller's account; the admin can change any. A new email or password ends all sessions of the user.
#[utoipa::path(put, path = "/users/{id}", tag = "users", request_body = UserChange, params(("id" = UserId, Path, description = "The user's id")), security(("cookie" = []), ("bearer" = []), ("admin" = [])), responses(
    (status = 200, description = "The changed user; if all sessions ended, the caller's new one as cookie or token", body = ChangedUser),
    JsonBody,
    Guarded,
    (status = 409, description = "Another user has this email", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "A field is not accepted", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn change(
    caller: Caller,
    client: Client,
    Id(id): Id<UserId>,
    Json(change): Json<UserChange>,
    users: web::Data<Users>,
) -> Result<HttpResponse, Problem> {
    let UserChange { email, password, name, current_password } = change;
    let change = Change { email, password, name, current_password };
    let Changed { user, opened } = users.change(caller, id, &change, &client).await?;
    let mut response = HttpResponse::Ok();
    let mut token = None;
    match (caller, &opened) {
        (Caller::User(session), Some(opened)) if session.via == Via::Cookie => {
            response.cookie(cookie::set(&opened.token));
        }
        (_, Some(opened)) => token = Some(opened.token.secret().expose_secret().to_owned()),
        (_, None) => {}
    }
    Ok(response.json(ChangedUser { data: ShownUser::whole(user), message: "updated", token }))
}

/// Deletes the caller's account with everything that belongs to it; the admin can delete any.
#[utoipa::path(delete, path = "/users/{id}", tag = "users", request_body = Option<Confirmation>, params(("id" = UserId, Path, description = "The user's id")), security(("cookie" = []), ("bearer" = []), ("admin" = [])), responses(
    (status = 200, description = "The user that was deleted", body = Answer<ShownUser>),
    JsonBody,
    Guarded,
    (status = 422, description = "A field is not accepted", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn delete(
    request: HttpRequest,
    caller: Caller,
    client: Client,
    Id(id): Id<UserId>,
    confirmation: Result<Json<Confirmation>, Problem>,
    users: web::Data<Users>,
) -> Result<HttpResponse, Problem> {
    // A body is optional: the admin sends none.
    let sent = request.headers().contains_key(CONTENT_TYPE);
    let Confirmation { current_password } = if sent { confirmation?.0 } else { Confirmation::default() };
    let user = users.delete(caller, id, current_password.as_ref(), &client).await?;
    let mut response = HttpResponse::Ok();
    if matches!(caller, Caller::User(session) if session.via == Via::Cookie) {
        response.cookie(cookie::clear());
    }
    Ok(response.json(Answer { data: ShownUser::whole(user), message: "deleted" }))
}
