//! `/app/system`: the doctor's report, as a path for each dependency. `/test-connection` shows browsers the same.

mod view;
mod words;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::access::Access;
use causeway_common::http::body::Form;
use causeway_common::http::page::{Asset, Page};
use causeway_common::http::problem::Problem;
use secrecy::SecretString;
use serde::Deserialize;

use super::{SITE, SYSTEM};
use crate::doctor::{Doctor, handlers};

/// What the form sends.
#[derive(Deserialize)]
pub struct Token {
    token: SecretString,
}

/// Shows the report, without causes unless the caller may see them.
pub async fn show(
    request: HttpRequest,
    doctor: web::Data<Doctor>,
    access: web::Data<Access>,
) -> Result<HttpResponse, Problem> {
    let sees_all = handlers::may_see_all(&request, &access)?;
    respond(&request, &doctor, &access, (sees_all, true)).await
}

/// Shows the whole report to the bearer of the admin token.
pub async fn show_all(
    request: HttpRequest,
    Form(form): Form<Token>,
    doctor: web::Data<Doctor>,
    access: web::Data<Access>,
) -> Result<HttpResponse, Problem> {
    handlers::require_token(&access, &form.token)?;
    respond(&request, &doctor, &access, (true, false)).await
}

/// `/test-connection`: the report as JSON, or as a page for browsers.
pub async fn test_connection(
    request: HttpRequest,
    doctor: web::Data<Doctor>,
    access: web::Data<Access>,
) -> Result<HttpResponse, Problem> {
    if !wants_html(request.headers()) {
        return handlers::test_connection(request, doctor, access).await;
    }
    let mut response = show(request, doctor, access).await?;
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept, authorization, cookie"));
    Ok(response)
}

/// A browser's own request; `curl` and scripts send `*/*` or nothing.
fn wants_html(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")))
}

/// Only a report that a GET request can have is refreshed by the script.
async fn respond(
    request: &HttpRequest,
    doctor: &Doctor,
    access: &Access,
    (sees_all, live): (bool, bool),
) -> Result<HttpResponse, Problem> {
    let report = handlers::report_for(doctor, access, sees_all).await?;
    let title = words::headline(&report);
    let content = view::content(&report, access, live);
    // Only a redacted report has a form.
    let assets: &[Asset] =
        if report.redacted { &[Asset::Path, Asset::Live, Asset::Forms] } else { &[Asset::Path, Asset::Live] };
    let page = Page { title: &title, current: SYSTEM, content, assets, images: None };
    Ok(SITE.respond(request, StatusCode::OK, &page))
}
