//! One envelope for everything that goes wrong with a request: RFC 9457 problem details.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};

use crate::telemetry::chain;

/// A failed request: what the caller is told, and the cause, which only the log is told.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    headers: Vec<(HeaderName, &'static str)>,
    cause: Option<Box<str>>,
}

/// The JSON of a problem (RFC 9457), as `application/problem+json`.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Names the kind of problem; stable, made for programs.
    #[serde(rename = "type")]
    #[schema(example = "urn:causeway:problem:database-unavailable")]
    kind: String,
    /// The kind of problem in a few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time, and what the caller can do.
    detail: Cow<'static, str>,
}

impl Problem {
    /// A problem of the kind `slug` (which becomes `urn:causeway:problem:<slug>`).
    pub fn new(
        status: StatusCode,
        slug: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, slug, title, detail: detail.into(), retry_after: None, headers: Vec::new(), cause: None }
    }

    /// Tells the caller to come back after this time (`Retry-After`, in whole seconds, at least one).
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds a header that this kind of problem must have.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Keeps the cause, with everything below it, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: &(dyn Error + 'static)) -> Self {
        self.cause = Some(chain(cause).into());
        self
    }

    /// The cause, for the log only.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The HTTP status that the caller gets.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(wait) = self.retry_after {
            response.insert_header((RETRY_AFTER, wait.as_secs().max(1)));
        }
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), HeaderValue::from_static(value)));
        }
        let body = ProblemBody {
            kind: format!("urn:causeway:problem:{}", self.slug),
            title: self.title,
            status: self.status.as_u16(),
            detail: self.detail.clone(),
        };
        let json = serde_json::to_vec(&body).expect("a struct of strings and a number is always JSON");
        response.content_type("application/problem+json").body(json)
    }
}

impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::from_error(self)
    }
}

/// The answer to a path that does not exist.
pub(crate) async fn not_found(request: HttpRequest) -> Problem {
    let detail = format!("There is nothing at {}; /docs lists what there is.", request.path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
}

/// The answer to a path that exists, asked with a method that it does not have.
pub(crate) fn method_not_allowed(allowed: &'static str) -> Problem {
    let detail = format!("This path answers {allowed}.");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
        .header(ALLOW, allowed)
}
