//! | method | path                  | answer |
//! |--------|-----------------------|--------|
//! | POST   | `/diaries`            | 201, the new diary |
//! | GET    | `/diaries`            | one's own diaries, the newest first |
//! | GET    | `/diaries/{id}`       | one diary |
//! | PUT    | `/diaries/{id}`       | the diary with another text |
//! | DELETE | `/diaries/{id}`       | the diary, deleted |
//! | GET    | `/diaries/{id}/image` | 302 to the picture |

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, HeaderName, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::input::{Id, Query};
use causeway_common::http::limits::{BodyStream, Json, Limits};
use causeway_common::http::problem::{FIELDS_REFUSED, Problem, ProblemBody};
use serde::Deserialize;
use utoipa::IntoParams;

use super::form::{self, DiaryForm, NewDiary};
use super::view::ShownDiary;
use super::{Diaries, DiaryError, IdempotencyKey};
use crate::auth::{DiaryId, Session};

/// A picture of 10 MB with the rest of its form. With the wait for a place and the last part, a request ends before App
/// Runner cuts it after 120 s.
pub const UPLOAD: Limits =
    Limits { bytes: 10_000_000 + 256 * 1024, time: Duration::from_secs(80), bytes_per_second: 16 * 1024 };
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PAGE: u16 = 20;
const LONGEST_PAGE: u16 = 100;

/// Which page of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only diaries with smaller ids: the last id of the page before.
    #[param(minimum = 1)]
    before: Option<i64>,
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u16>,
}

/// Writes a diary.
#[utoipa::path(post, path = "/diaries", tag = "diaries",
    request_body(content((DiaryForm = "multipart/form-data"), (NewDiary = "application/json"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters. A request that is sent again within 24 hours with the same key and content gets the same answer, and nothing is written twice.")),
    security(("cookie" = []), ("bearer" = [])), responses(
    (status = 201, description = "The new diary", body = ShownDiary, headers(("Location" = String, description = "The diary's path"))),
    (status = 400, description = "The body is neither such a form nor JSON, or did not arrive whole", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "A page of another site sent the request, or the admin did", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "The account was deleted meanwhile", body = ProblemBody, content_type = "application/problem+json"),
    (status = 408, description = "The body is too slow", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "A request with this Idempotency-Key has not ended", body = ProblemBody, content_type = "application/problem+json"),
    (status = 413, description = "The body is too large, or the user's pictures need too much space", body = ProblemBody, content_type = "application/problem+json"),
    (status = 415, description = "The body is neither a form nor JSON, or the file is not a JPEG, PNG, WebP or GIF", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "A field or the picture is refused, or the Idempotency-Key was used for another content", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database or the storage of pictures is unavailable, or too many pictures are being uploaded", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn create(
    session: Session,
    request: HttpRequest,
    body: BodyStream,
    diaries: web::Data<Diaries>,
) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(&request)?;
    let mut writing = diaries.begin(session.user, key).await?;
    let entry = match form::read(request.headers(), body, &mut writing).await {
        Ok(entry) => entry,
        Err(error) => {
            writing.give_up().await;
            return Err(error.into());
        }
    };
    let diary = writing.finish(entry).await?;
    let location = (LOCATION, format!("/diaries/{}", diary.id));
    Ok(HttpResponse::Created().insert_header(location).json(ShownDiary::from(diary)))
}

/// Lists one's own diaries, the newest first.
#[utoipa::path(get, path = "/diaries", tag = "diaries", params(ListQuery), security(("cookie" = []), ("bearer" = [])), responses(
    (status = 200, description = "A page of diaries", body = Vec<ShownDiary>),
    (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "The admin has no diaries", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "A parameter is not accepted", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable, slow or has too many waiting requests", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    session: Session,
    Query(query): Query<ListQuery>,
    diaries: web::Data<Diaries>,
) -> Result<web::Json<Vec<ShownDiary>>, Problem> {
    let (before, limit) = (query.before.unwrap_or(i64::MAX), query.limit.unwrap_or(PAGE));
    if !(1..=LONGEST_PAGE).contains(&limit) || before < 1 {
        let detail = format!("`limit` is from 1 to {LONGEST_PAGE}, and `before` is positive.");
        return Err(Problem::new(&FIELDS_REFUSED, detail));
    }
    let page = diaries.list(session.user, before, limit).await?;
    Ok(web::Json(page.into_iter().map(ShownDiary::from).collect()))
}

/// Shows one diary.
#[utoipa::path(get, path = "/diaries/{id}", tag = "diaries", params(("id" = DiaryId, Path, description = "The diary's id")), security(("cookie" = []), ("bearer" = [])), responses(
    (status = 200, description = "The diary", body = ShownDiary),
    (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "The admin has no diaries", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "One has no diary with this id", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn show(
    session: Session,
    Id(id): Id<DiaryId>,
    diaries: web::Data<Diaries>,
) -> Result<web::Json<ShownDiary>, Problem> {
    Ok(web::Json(diaries.find(session.user, id).await?.into()))
}

/// Replaces the text of a diary.
#[utoipa::path(put, path = "/diaries/{id}", tag = "diaries", request_body = NewDiary, params(("id" = DiaryId, Path, description = "The diary's id")), security(("cookie" = []), ("bearer" = [])), responses(
    (status = 200, description = "The changed diary", body = ShownDiary),
    (status = 400, description = "The body is not JSON or did not arrive whole", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "A page of another site sent the request, or the admin did", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "One has no diary with this id", body = ProblemBody, content_type = "application/problem+json"),
    (status = 408, description = "The body is too slow", body = ProblemBody, content_type = "application/problem+json"),
    (status = 413, description = "The body is too large", body = ProblemBody, content_type = "application/problem+json"),
    (status = 415, description = "The body is not `application/json`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "The text is not accepted", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn change(
    session: Session,
    Id(id): Id<DiaryId>,
    Json(NewDiary { text }): Json<NewDiary>,
    diaries: web::Data<Diaries>,
) -> Result<web::Json<ShownDiary>, Problem> {
    Ok(web::Json(diaries.change(session.user, id, &text).await?.into()))
}

/// Deletes a diary. It is removed for good after 30 days.
#[utoipa::path(delete, path = "/diaries/{id}", tag = "diaries", params(("id" = DiaryId, Path, description = "The diary's id")), security(("cookie" = []), ("bearer" = [])), responses(
    (status = 200, description = "The diary that was deleted", body = ShownDiary),
    (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "A page of another site sent the request, or the admin did", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "One has no diary with this id", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn delete(
    session: Session,
    Id(id): Id<DiaryId>,
    diaries: web::Data<Diaries>,
) -> Result<web::Json<ShownDiary>, Problem> {
    Ok(web::Json(diaries.delete(session.user, id).await?.into()))
}

/// Redirects to the picture of a diary, at a URL that works for two minutes.
#[utoipa::path(get, path = "/diaries/{id}/image", tag = "diaries", params(("id" = DiaryId, Path, description = "The diary's id")), security(("cookie" = []), ("bearer" = [])), responses(
    (status = 302, description = "To the picture", headers(("Location" = String, description = "The picture's URL"))),
    (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "The admin has no diaries", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "One has no diary with this id, or it has no picture", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database or the storage of pictures is unavailable", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn image(
    session: Session,
    Id(id): Id<DiaryId>,
    diaries: web::Data<Diaries>,
) -> Result<HttpResponse, Problem> {
    let url = diaries.picture_url(session.user, id).await?;
    // Shorter than the URL's life, so that a browser never follows one that has ended.
    let fresh = (CACHE_CONTROL, "private, max-age=60");
    Ok(HttpResponse::Found().insert_header((LOCATION, url)).insert_header(fresh).finish())
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, DiaryError> {
    let mut sent = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = sent.next() else { return Ok(None) };
    if sent.next().is_some() {
        return Err(DiaryError::field("Idempotency-Key", "is there twice"));
    }
    let key = value.to_str().unwrap_or_default().parse();
    key.map(Some).map_err(|error| DiaryError::Body(causeway_common::http::limits::BodyError::Fields(vec![error])))
}
