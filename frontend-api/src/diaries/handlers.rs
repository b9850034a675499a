//! | method | path                    | answer |
//! |--------|-------------------------|--------|
//! | POST   | `/diaries`              | 201, the new diary |
//! | GET    | `/diaries`              | one's own diaries, the newest first |
//! | GET    | `/diaries/{id}`         | one diary |
//! | PUT    | `/diaries/{id}`         | the diary with another text |
//! | DELETE | `/diaries/{id}`         | the diary, deleted |
//! | POST   | `/diaries/{id}/restore` | the diary, no longer deleted |
//! | GET    | `/diaries/{id}/image`   | 302 to the picture |

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, HeaderName, LINK, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::body::Json;
use causeway_common::http::input::{Id, Query};
use causeway_common::http::limits::{BodyStream, Limits};
use causeway_common::http::problem::{FIELDS_REFUSED, JsonBody, Problem, ProblemBody, describe};
use serde::Deserialize;
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses};

use super::form::{self, DiaryForm, NewDiary};
use super::view::ShownDiary;
use super::{Diaries, DiaryError, IdempotencyKey};
use crate::auth::{DiaryId, OwnChanged, OwnShown, Session};

/// A picture of 10 MB with the rest of its form. With the wait for a place and the last part, a request ends before App
/// Runner cuts it after 120 s.
pub const UPLOAD: Limits =
    Limits { bytes: 10_000_000 + 256 * 1024, time: Duration::from_secs(80), bytes_per_second: 16 * 1024 };
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PAGE: u16 = 20;
const LONGEST_PAGE: u16 = 100;

/// A route that needs one of one's own diaries, described for OpenAPI.
struct OneDiary;

impl IntoResponses for OneDiary {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        describe([(404, "One has no diary with this id"), (503, "The database is unavailable")])
    }
}

/// Which page of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only diaries with smaller ids: the last id of the page before.
    #[param(minimum = 1)]
    before: Option<i64>,
    /// How many at most. A page of long texts has fewer, but at least one if there is any: it ends at about 400 kB of
    /// text, as JSON writes it. The header `Link` says whether there are older ones.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u16>,
}

/// Writes a diary.
#[utoipa::path(post, path = "/diaries", tag = "diaries",
    request_body(content((DiaryForm = "multipart/form-data"), (NewDiary = "application/json"))),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "1 to 255 visible ASCII characters. A request that is sent again within 24 hours with the same key and content gets the same answer, and nothing is written twice.")),
    security(("cookie" = []), ("bearer" = [])), responses(
    (status = 201, description = "The new diary", body = ShownDiary, headers(("Location" = String, description = "The diary's path"))),
    (status = 400, description = "The body is neither such a form nor JSON, or did not arrive whole", body = ProblemBody, content_type = "application/problem+json"),
    OwnChanged,
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
    (status = 200, description = "A page of diaries", body = Vec<ShownDiary>, headers(("Link" = String, description = "The next page, with rel=\"next\", if there are older diaries"))),
    OwnShown,
    (status = 422, description = "A parameter is not accepted", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable, slow or has too many waiting requests", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    session: Session,
    Query(query): Query<ListQuery>,
    diaries: web::Data<Diaries>,
) -> Result<HttpResponse, Problem> {
    let (before, limit) = (query.before.unwrap_or(i64::MAX), query.limit.unwrap_or(PAGE));
    if !(1..=LONGEST_PAGE).contains(&limit) || before < 1 {
        let detail = format!("`limit` is from 1 to {LONGEST_PAGE}, and `before` is positive.");
        return Err(Problem::new(&FIELDS_REFUSED, detail));
    }
    let page = diaries.list(session.user, before, limit).await?;
    let mut answer = HttpResponse::Ok();
    if let Some(last) = page.diaries.last().filter(|_| page.more) {
        answer.insert_header((LINK, format!("</diaries?before={}&limit={limit}>; rel=\"next\"", last.id)));
    }
    let shown: Vec<_> = page.diaries.into_iter().map(ShownDiary::from).collect();
    Ok(answer.json(shown))
}

/// Shows one diary.
#[utoipa::path(get, path = "/diaries/{id}", tag = "diaries", params(("id" = DiaryId, Path, description = "The diary's id")), security(("cookie" = []), ("bearer" = [])), responses(
    (status = 200, description = "The diary", body = ShownDiary),
    OwnShown,
    OneDiary,
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
    JsonBody,
    OwnChanged,
    OneDiary,
    (status = 422, description = "The text is not accepted", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn change(
    session: Session,
    Id(id): Id<DiaryId>,
    Json(NewDiary { text }): Json<NewDiary>,
    diaries: web::Data<Diaries>,
) -> Result<web::Json<ShownDiary>, Problem> {
    Ok(web::Json(diaries.change(session.user, id, &text, None).await?.into()))
}

/// Deletes a diary. It can be restored for 30 days, and is removed for good after that.
#[utoipa::path(delete, path = "/diaries/{id}", tag = "diaries", params(("id" = DiaryId, Path, description = "The diary's id")), security(("cookie" = []), ("bearer" = [])), responses(
    (status = 200, description = "The diary that was deleted", body = ShownDiary),
    OwnChanged,
    OneDiary,
))]
pub async fn delete(
    session: Session,
    Id(id): Id<DiaryId>,
    diaries: web::Data<Diaries>,
) -> Result<web::Json<ShownDiary>, Problem> {
    Ok(web::Json(diaries.delete(session.user, id).await?.into()))
}

/// Takes the deletion of a diary back, within 30 days. A diary that is not deleted stays as it is.
#[utoipa::path(post, path = "/diaries/{id}/restore", tag = "diaries", params(("id" = DiaryId, Path, description = "The diary's id")), security(("cookie" = []), ("bearer" = [])), responses(
    (status = 200, description = "The diary", body = ShownDiary),
    OwnChanged,
    (status = 404, description = "One has no diary with this id, or deleted it more than 30 days ago", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The database is unavailable", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn restore(
    session: Session,
    Id(id): Id<DiaryId>,
    diaries: web::Data<Diaries>,
) -> Result<web::Json<ShownDiary>, Problem> {
    Ok(web::Json(diaries.restore(session.user, id).await?.into()))
}

/// Redirects to the picture of a diary, at a URL that works for two minutes.
#[utoipa::path(get, path = "/diaries/{id}/image", tag = "diaries", params(("id" = DiaryId, Path, description = "The diary's id")), security(("cookie" = []), ("bearer" = [])), responses(
    (status = 302, description = "To the picture", headers(("Location" = String, description = "The picture's URL"))),
    OwnShown,
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
