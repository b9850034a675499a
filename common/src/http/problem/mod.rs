//! The one form of every failed request: RFC 9457 problem details.
//!
//! A feature's error implements [`Failure`], names one [`Kind`] and becomes a [`Problem`] by `?` in a handler.

mod described;
mod failure;
mod kind;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};

pub use self::described::{JsonBody, describe};
pub use self::failure::{Failure, FieldError};
pub use self::kind::{
    BODY_INCOMPLETE, BODY_MALFORMED, BODY_TOO_LARGE, BODY_TOO_SLOW, DRAINING, FIELDS_REFUSED, KINDS, Kind,
    METHOD_NOT_ALLOWED, NOT_FOUND, Retry, TOO_MUCH_ARRIVING, TOO_MUCH_UNREAD, UNSUPPORTED_MEDIA_TYPE,
};
use crate::telemetry::chain;

const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// A failed request: what the caller sees, and the cause, which only the log has.
#[derive(Debug)]
pub struct Problem {
    kind: &'static Kind,
    detail: Cow<'static, str>,
    fields: Vec<FieldError>,
    retry_after: Option<Duration>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Box<str>>,
}

/// The JSON of a problem (RFC 9457), as `application/problem+json`.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// The kind of problem, for programs: a URI reference that this service resolves to an explanation.
    #[serde(rename = "type")]
    #[schema(example = "/problems/database-unavailable")]
    kind: String,
    /// The kind of problem in a few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time, and what the caller can do.
    detail: Cow<'static, str>,
    /// The fields that were refused. Absent unless single fields are the problem.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

impl Problem {
    /// Makes a problem of `kind`; `detail` says what happened this time.
    pub fn new(kind: &'static Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry_after = (kind.retry == Retry::Later).then_some(SHORTEST_RETRY);
        Self { kind, detail: detail.into(), fields: Vec::new(), retry_after, headers: Vec::new(), cause: None }
    }

    /// Sets `Retry-After`, in [`whole_seconds`].
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds a header that this problem must have.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Keeps the cause, with everything below it, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: &(dyn Error + 'static)) -> Self {
        self.cause = Some(chain(cause).into());
        self
    }

    /// Returns the cause, which is for the log only.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Returns the kind of problem.
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// Returns what happened this time.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the fields that were refused.
    pub fn fields(&self) -> &[FieldError] {
        &self.fields
    }

    /// Returns the HTTP status that the caller gets.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl<F: Failure> From<F> for Problem {
    fn from(failure: F) -> Self {
        let mut problem = Self::new(failure.kind(), failure.detail().into_owned()).caused_by(&failure);
        problem.fields = failure.fields().to_vec();
        if let Some(wait) = failure.retry_after() {
            problem = problem.retry_after(wait);
        }
        problem
    }
}

/// Returns how many seconds a response asks the caller to wait: rounded up, at least one.
pub fn whole_seconds(wait: Duration) -> u128 {
    wait.as_millis().div_ceil(1000).max(1)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        if let Some(wait) = self.retry_after {
            response.insert_header((RETRY_AFTER, whole_seconds(wait).to_string()));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            // RFC 9110 requires a challenge with every 401.
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        let body = ProblemBody {
            kind: self.kind.uri().to_string(),
            title: self.kind.title,
            status: self.kind.status,
            detail: self.detail.clone(),
            errors: self.fields.clone(),
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

/// Answers a path that does not exist.
pub async fn not_found(request: HttpRequest) -> Problem {
    let path = request.path();
    // CONNECT names a host instead, and OPTIONS perhaps all paths.
    let detail = match (path.starts_with('/'), request.method()) {
        (true, _) => format!("This service has no path {path}; see /docs for its paths."),
        (false, &Method::CONNECT) => "This service is no proxy, so it has no tunnel for CONNECT.".to_owned(),
        (false, _) => "The request names no path of this service; see /docs for its paths.".to_owned(),
    };
    Problem::new(&NOT_FOUND, detail)
}
