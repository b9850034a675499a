//! | method | path               | answer |
//! |--------|--------------------|--------|
//! | GET    | `/test-connection` | the report: 200 when all is well, else 503; a page when the client wants HTML |

use actix_web::http::header::{ACCEPT, AUTHORIZATION, VARY, WWW_AUTHENTICATE};
use actix_web::http::{StatusCode, header::HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::problem::{Problem, ProblemBody};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::{Doctor, Report, page};

/// Walks to every dependency and tells which hop failed, why, and what mends it.
///
/// With `ADMIN_TOKEN` set, evidence and causes are shown only to its bearer.
#[utoipa::path(get, path = "/test-connection", tag = "connectivity", responses(
    (status = 200, description = "All is well", body = Report),
    (status = 401, description = "A bearer token was sent and is not the ADMIN_TOKEN", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "A hop failed", body = Report),
))]
pub async fn test_connection(request: HttpRequest, doctor: web::Data<Doctor>) -> Result<HttpResponse, Problem> {
    if wants_html(request.headers()) {
        return Ok(page::response());
    }
    let may_see_all = may_see_all(request.headers(), doctor.config.admin_token.as_ref())?;
    let report = doctor.report().await;
    let mut response =
        HttpResponse::build(if report.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE });
    response.insert_header((VARY, "accept, authorization"));
    Ok(if may_see_all { response.json(&*report) } else { response.json(report.redacted()) })
}

/// A browser's own request; `curl` and scripts send `*/*` or nothing.
fn wants_html(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")))
}

/// Everybody without an `ADMIN_TOKEN`, else its bearer. Who sends another token is told so.
fn may_see_all(headers: &HeaderMap, admin_token: Option<&SecretString>) -> Result<bool, Problem> {
    let Some(expected) = admin_token else { return Ok(true) };
    let Some(sent) = headers.get(AUTHORIZATION) else { return Ok(false) };
    let sent = sent.as_bytes().strip_prefix(b"Bearer ").unwrap_or_default();
    if bool::from(sent.ct_eq(expected.expose_secret().as_bytes())) {
        return Ok(true);
    }
    Err(Problem::new(
        StatusCode::UNAUTHORIZED,
        "not-the-admin-token",
        "Not the admin token",
        "The bearer token is not the ADMIN_TOKEN.",
    )
    .header(WWW_AUTHENTICATE, "Bearer"))
}
