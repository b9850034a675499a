//! How much of a request's body a route takes and how long the body may take, enforced while it is read.
//!
//! A handler that wants the body asks for [`Json`], [`Form`] or [`BodyStream`]; each reads within the [`Limits`] of its
//! route. Errors name the field that was refused and never repeat what was sent.

use std::borrow::Cow;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::future::{LocalBoxFuture, Ready, ready};
use futures_util::stream::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, Sleep};

use super::connection::Connection;
use super::problem::{
    BODY_INCOMPLETE, BODY_MALFORMED, BODY_TOO_LARGE, BODY_TOO_SLOW, FIELDS_REFUSED, Failure, FieldError, Kind, Problem,
    UNSUPPORTED_MEDIA_TYPE,
};

/// The limits of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long the body may be.
    pub bytes: usize,
    /// How long the whole body may take to arrive, from the moment at which the handler wants it.
    pub time: Duration,
    /// How many bytes must arrive per second on average, after the first [`RATE_GRACE`]. A body that drips holds memory, or
    /// a place that others wait for.
    pub bytes_per_second: u32,
}

/// Before its end, the rate of a body is not judged.
pub const RATE_GRACE: Duration = Duration::from_secs(10);

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 * 1024, time: RATE_GRACE, bytes_per_second: 0 }
    }
}

impl Limits {
    fn of(request: &HttpRequest) -> Self {
        request.app_data::<Self>().copied().unwrap_or_default()
    }

    /// Returns the length that the request announces, if it exceeds the limit.
    pub(super) fn exceeded_by(self, headers: &HeaderMap) -> Option<u64> {
        let announced = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok()?;
        (announced > self.bytes as u64).then_some(announced)
    }
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the route takes.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// It did not arrive in time.
    #[error("the body took longer than {} s", .0.as_secs())]
    TooSlow(Duration),
    /// It arrives too slowly to be whole in time.
    #[error("the body arrives at less than {0} bytes per second")]
    BelowRate(u32),
    /// The connection ended in the middle of it, or its encoding is wrong.
    #[error("the body did not arrive whole")]
    Incomplete(#[source] PayloadError),
    /// Its `Content-Type` is another one.
    #[error("the body is not {0}")]
    MediaType(&'static str),
    /// It is not what its `Content-Type` says.
    #[error("the body is malformed")]
    Malformed(Cow<'static, str>),
    /// Fields are missing, unknown or of the wrong type.
    #[error("fields of the body were refused")]
    Fields(Vec<FieldError>),
}

impl Failure for BodyError {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::TooLarge(_) => &BODY_TOO_LARGE,
            Self::TooSlow(_) | Self::BelowRate(_) => &BODY_TOO_SLOW,
            Self::Incomplete(_) => &BODY_INCOMPLETE,
            Self::MediaType(_) => &UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed(_) => &BODY_MALFORMED,
            Self::Fields(_) => &FIELDS_REFUSED,
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        match self {
            Self::TooLarge(limit) => format!("This path accepts a body of at most {limit} bytes.").into(),
            Self::TooSlow(limit) => format!("The body did not arrive within {} s.", limit.as_secs()).into(),
            Self::BelowRate(rate) => format!("The body arrives at less than {rate} bytes per second.").into(),
            Self::Incomplete(_) => "The body did not arrive whole.".into(),
            Self::MediaType(expected) => format!("The Content-Type of the body must be {expected}.").into(),
            Self::Malformed(detail) => Cow::Borrowed(detail),
            Self::Fields(_) => "The errors name the fields that were refused.".into(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        if let Self::Fields(fields) = self { fields } else { &[] }
    }
}

/// The body as it arrives, within the limits of its route.
pub struct BodyStream {
    payload: Payload,
    limits: Limits,
    received: usize,
    announced: Option<u64>,
    connection: Option<Rc<Connection>>,
    begun: Instant,
    deadline: Pin<Box<Sleep>>,
}

impl BodyStream {
    fn new(request: &HttpRequest, payload: Payload) -> Self {
        let limits = Limits::of(request);
        let connection = request.conn_data::<Rc<Connection>>().cloned();
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let begun = Instant::now();
        let deadline = Box::pin(tokio::time::sleep_until(begun + limits.time));
        let mut body = Self { payload, limits, received: 0, announced, connection, begun, deadline };
        body.restart_clock();
        body
    }

    /// Returns the length that the request announced.
    pub fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// Begins to count the time anew, because the handler has let the client wait.
    pub fn restart_clock(&mut self) {
        self.begun = Instant::now();
        self.set_deadline();
    }

    /// Lowers the limit of the length.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.limits.bytes = self.limits.bytes.min(bytes);
        self
    }

    /// Reads the whole body as JSON.
    ///
    /// # Errors
    /// As [`Self::read`], and when it is not such JSON.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, BodyError> {
        parse_json(&self.read().await?)
    }

    /// The next bytes must come before the whole time is up, and before the average falls below the least rate.
    fn set_deadline(&mut self) {
        let Limits { time, bytes_per_second: rate, .. } = self.limits;
        let received = u32::try_from(self.received).unwrap_or(u32::MAX);
        let paid = RATE_GRACE + Duration::from_secs(1) * received / rate.max(1);
        let allowed = if rate == 0 { time } else { time.min(paid) };
        self.deadline.as_mut().reset(self.begun + allowed);
    }

    fn late(&self) -> BodyError {
        let Limits { time, bytes_per_second: rate, .. } = self.limits;
        if self.deadline.deadline() < self.begun + time { BodyError::BelowRate(rate) } else { BodyError::TooSlow(time) }
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// When it exceeds a limit or does not arrive whole.
    pub async fn read(mut self) -> Result<Bytes, BodyError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.next().await {
            body.extend_from_slice(&chunk?);
        }
        Ok(body.freeze())
    }
}

impl Stream for BodyStream {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Poll::Ready(chunk) = pin!(&mut this.payload).poll_next(context) else {
            if let Some(connection) = &this.connection {
                connection.want_body();
            }
            return this.deadline.as_mut().poll(context).map(|()| Some(Err(this.late())));
        };
        if chunk.is_none()
            && let Some(connection) = &this.connection
        {
            connection.body_ended();
        }
        Poll::Ready(chunk.map(|chunk| {
            let chunk = chunk.map_err(BodyError::Incomplete)?;
            this.received = this.received.saturating_add(chunk.len());
            if this.limits.bytes_per_second > 0 {
                this.set_deadline();
            }
            if this.received > this.limits.bytes { Err(BodyError::TooLarge(this.limits.bytes)) } else { Ok(chunk) }
        }))
    }
}

impl FromRequest for BodyStream {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self::new(request, payload.take())))
    }
}

/// A body in JSON.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A body that an HTML form without files sends.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let whole = read_if(request, payload, "application/json");
        Box::pin(async move { Ok(Self(parse_json(&whole.await?)?)) })
    }
}

impl<T: DeserializeOwned> FromRequest for Form<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let whole = read_if(request, payload, "application/x-www-form-urlencoded");
        Box::pin(async move { Ok(Self(parse_form(&whole.await?)?)) })
    }
}

fn read_if(
    request: &HttpRequest,
    payload: &mut Payload,
    media_type: &'static str,
) -> impl Future<Output = Result<Bytes, BodyError>> + use<> {
    let sent = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fits = sent.split(';').next().is_some_and(|sent| sent.trim().eq_ignore_ascii_case(media_type));
    let body = fits.then(|| BodyStream::new(request, payload.take()));
    async move { body.ok_or(BodyError::MediaType(media_type))?.read().await }
}

fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        refused(&path, error.inner())
    })?;
    json.end().map_err(|error| refused(".", &error))?;
    Ok(value)
}

/// serde's messages quote values, which may be passwords: only the field and the sort of mistake are kept.
fn refused(path: &str, error: &serde_json::Error) -> BodyError {
    if !error.is_data() {
        let place = format!("The body is not JSON: line {}, column {}.", error.line(), error.column());
        return BodyError::Malformed(place.into());
    }
    let text = error.to_string();
    // serde_json has no other way to tell these mistakes from one another.
    let named = |prefix: &str| text.strip_prefix(prefix)?.split('`').next().map(str::to_owned);
    let inside = |name: String| if path == "." { name } else { format!("{path}.{name}") };
    let field = if let Some(name) = named("missing field `") {
        FieldError::new(inside(name), "is missing")
    } else if let Some(name) = named("duplicate field `") {
        FieldError::new(inside(name), "is there twice")
    } else if path == "." {
        return BodyError::Malformed("The body is not a JSON object of the form that /docs shows.".into());
    } else if text.starts_with("unknown field `") {
        FieldError::new(path.to_owned(), "is unknown")
    } else {
        FieldError::new(path.to_owned(), "is not of the type that /docs shows")
    };
    BodyError::Fields(vec![field])
}

fn parse_form<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyError> {
    let malformed = |detail| BodyError::Malformed(Cow::Borrowed(detail));
    let text = std::str::from_utf8(body).map_err(|_| malformed("The form is not UTF-8."))?;
    let parsed = web::Query::<T>::from_query(text);
    parsed.map(web::Query::into_inner).map_err(|_| malformed("The form lacks a field, or has one that is unknown."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct SignUp {
        name: String,
        age: u8,
    }

    #[test]
    fn a_refused_body_names_the_field_and_never_repeats_the_value() {
        let table = [
            (r#"{"name":"a"}"#, "age is missing"),
            (r#"{"name":12345678,"age":1}"#, "name is not of the type that /docs shows"),
            (r#"{"name":"secret","age":"secret"}"#, "age is not of the type that /docs shows"),
            (r#"{"name":"a","age":1,"role":"secret"}"#, "role is unknown"),
            (r#"{"name":"a","name":"secret","age":1}"#, "name is there twice"),
        ];
        for (body, expected) in table {
            let Err(BodyError::Fields(fields)) = parse_json::<SignUp>(body.as_bytes()) else { panic!("{body}") };
            assert_eq!(format!("{} {}", fields[0].field, fields[0].detail), expected, "{body}");
        }
        for body in [r#""secret""#, "[]", "", "{", r#"{"name":"secret","age":1}x"#, "\u{feff}{}"] {
            let error = parse_json::<SignUp>(body.as_bytes()).unwrap_err();
            assert!(matches!(error, BodyError::Malformed(_)), "{body}: {error:?}");
            assert!(!error.detail().contains("secret"), "{body}: {error:?}");
        }
    }
}
