//! | method | path               | answer |
//! |--------|--------------------|--------|
//! | GET    | `/test-connection` | the report: 200 if no check failed, otherwise 503; a page if the client accepts HTML |

use actix_web::http::header::{AUTHORIZATION, HeaderValue, VARY};
use actix_web::http::{StatusCode, header::HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::access::{self, Access, Bearer};
use causeway_common::http::problem::{Kind, Problem, ProblemBody, Retry};

use secrecy::{ExposeSecret, SecretString};

use super::{Doctor, NoReport, Report};

/// An `Authorization` header was sent that is not the `ADMIN_TOKEN`.
static NOT_THE_ADMIN_TOKEN: Kind = Kind {
    slug: "not-the-admin-token",
    status: 401,
    title: "Not the admin token",
    meaning: "The request has an Authorization header that is not the ADMIN_TOKEN. Send the right one, or none.",
    retry: Retry::Never,
};

/// The run of all checks ended without a report.
static NO_REPORT: Kind = Kind {
    slug: "no-report",
    status: 500,
    title: "No report",
    meaning: "The run of the checks ended without a report. The service's log has the cause.",
    retry: Retry::Later,
};

/// What the route reports.
pub static KINDS: &[&Kind] = &[&NOT_THE_ADMIN_TOKEN, &NO_REPORT];

/// Checks every dependency step by step and names the hop that failed, its cause and its remedy.
///
/// Evidence and causes are shown only to the bearer of `ADMIN_TOKEN`, or, where that is not set, to callers on this
/// machine. A client that accepts `text/html` gets the report as a page, with status 200.
#[utoipa::path(get, path = "/test-connection", tag = "connectivity", responses(
    (status = 200, description = "No check failed. The page always has this status", content(
        (Report = "application/json"),
        (String = "text/html"),
    )),
    (status = 401, description = "An Authorization header was sent and is not the ADMIN_TOKEN", body = ProblemBody, content_type = "application/problem+json"),
    (status = 500, description = "The run ended without a report", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "A check failed", body = Report),
))]
pub async fn test_connection(
    request: HttpRequest,
    doctor: web::Data<Doctor>,
    access: web::Data<Access>,
) -> Result<HttpResponse, Problem> {
    let may_see_all = may_see_all(&request, &access)?;
    let report = report_for(&doctor, &access, may_see_all).await?;
    let status = if report.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = HttpResponse::build(status);
    response.insert_header((VARY, "accept, authorization"));
    Ok(response.json(report))
}

/// Returns the report, redacted for a caller who may not see all.
pub async fn report_for(doctor: &Doctor, access: &Access, may_see_all: bool) -> Result<Report, Problem> {
    let report = doctor.report().await.map_err(|error| no_report(&error))?;
    Ok(if may_see_all { (*report).clone() } else { report.redacted(advice(access)) })
}

/// Logs who may see evidence and causes, if there is no `ADMIN_TOKEN`.
pub fn announce(access: &Access) {
    if !access.has_admin_token() {
        tracing::info!(
            "ADMIN_TOKEN is not set: /test-connection shows evidence and causes only to callers on this machine; set it \
             to see them from elsewhere"
        );
    }
}

/// Returns whether the caller may see evidence and causes.
///
/// # Errors
/// [`NOT_THE_ADMIN_TOKEN`] for another bearer token.
pub fn may_see_all(request: &HttpRequest, access: &Access) -> Result<bool, Problem> {
    match access.bearer(request.headers()) {
        Bearer::Admin => Ok(true),
        Bearer::Nobody => {
            let peer = request.peer_addr().map(|peer| peer.ip());
            Ok(!access.has_admin_token() && access::is_local(peer, request.headers()))
        }
        Bearer::Other => Err(Problem::new(&NOT_THE_ADMIN_TOKEN, "The bearer token is not the ADMIN_TOKEN.")),
    }
}

/// Accepts the `ADMIN_TOKEN` from a form.
///
/// # Errors
/// [`NOT_THE_ADMIN_TOKEN`] for another one, and where there is none.
pub fn require_token(access: &Access, token: &SecretString) -> Result<(), Problem> {
    let mut headers = HeaderMap::new();
    if let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())) {
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    match access.bearer(&headers) {
        Bearer::Admin => Ok(()),
        Bearer::Nobody | Bearer::Other => Err(Problem::new(&NOT_THE_ADMIN_TOKEN, "This is not the ADMIN_TOKEN.")),
    }
}

/// Returns how to see more than a redacted report.
pub fn advice(access: &Access) -> &'static str {
    if access.has_admin_token() {
        "Causes are shown to the bearer of the admin token."
    } else {
        "Causes are in the service's log, and are shown to the bearer of ADMIN_TOKEN once that is set."
    }
}

fn no_report(error: &NoReport) -> Problem {
    Problem::new(&NO_REPORT, "The run ended without a report; try again later.").caused_by(error)
}
