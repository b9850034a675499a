//! Limits the length of a request's body and the time in which it must arrive, while it is read.
//!
//! A handler that wants the body takes [`BodyStream`], or one of the extractors in [`body`](super::body); each reads within
//! the [`Limits`] of its route. Errors name the field that was refused and never repeat what was sent.

use std::borrow::Cow;
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::{FromRequest, HttpRequest};
use bytes::Bytes;
use futures_util::future::{Ready, ready};
use futures_util::stream::{Stream, StreamExt};
use tokio::time::{Instant, Sleep};

use super::arriving::{self, Kept, NoRoom};
use super::connection::Connection;
use super::problem::{
    BODY_INCOMPLETE, BODY_MALFORMED, BODY_TOO_LARGE, BODY_TOO_SLOW, FIELDS_REFUSED, Failure, FieldError, Kind, Problem,
    TOO_MUCH_ARRIVING, UNSUPPORTED_MEDIA_TYPE,
};
use super::room::Room;

/// The limits of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long the body may be.
    pub bytes: usize,
    /// How long the whole body may take to arrive, from the moment at which the handler wants it.
    pub time: Duration,
    /// How many bytes must arrive per second on average, after the first [`RATE_GRACE`]. A slow body occupies memory, or a
    /// place that others wait for.
    pub bytes_per_second: u32,
}

/// The rate of a body is not judged before this time.
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
        let announced = announced_length(headers)?;
        (announced > self.bytes as u64).then_some(announced)
    }
}

/// Returns the value of `Content-Length`.
pub(super) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
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
    /// It arrives more slowly than the limit allows.
    #[error("the body arrives at less than {0} bytes per second")]
    BelowRate(u32),
    /// Too many long bodies arrive at the same time.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
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
            Self::NoRoom(_) => &TOO_MUCH_ARRIVING,
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
            Self::NoRoom(_) => TOO_MUCH_ARRIVING.meaning.into(),
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
    clock: Clock,
    /// What a parser of forms keeps.
    parsed: Option<Room>,
}

/// Restarts the time of a body that a parser has taken.
#[derive(Debug, Clone, Default)]
pub struct Clock(Rc<Cell<bool>>);

impl Clock {
    /// Restarts the time, because the handler has let the client wait.
    pub fn restart(&self) {
        self.0.set(true);
    }
}

impl BodyStream {
    pub(super) fn new(request: &HttpRequest, payload: Payload) -> Self {
        let limits = Limits::of(request);
        let connection = request.conn_data::<Rc<Connection>>().cloned();
        let announced = announced_length(request.headers());
        let begun = Instant::now();
        let deadline = Box::pin(tokio::time::sleep_until(begun + limits.time));
        let clock = Clock::default();
        // The first poll starts it.
        clock.restart();
        Self { payload, limits, received: 0, announced, connection, begun, deadline, clock, parsed: None }
    }

    /// Returns the length that the request announced.
    pub fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// Returns what restarts the time.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Counts what a parser keeps that reads the body piece by piece.
    #[must_use]
    pub fn for_parser(mut self) -> Self {
        self.parsed = Some(Room::default());
        self
    }

    /// Lowers the limit of the length.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.limits.bytes = self.limits.bytes.min(bytes);
        self
    }

    /// Sets the time by which the next bytes must arrive: before the total time ends and the average rate falls too low.
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
    /// When it exceeds a limit, does not arrive whole, or other bodies leave no room for it.
    pub async fn read(mut self) -> Result<Bytes, BodyError> {
        let mut body = Kept::default();
        while let Some(chunk) = self.next().await {
            body.push(&chunk?)?;
        }
        Ok(body.into_parts().0)
    }
}

impl Stream for BodyStream {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.clock.0.take() {
            this.begun = Instant::now();
            this.set_deadline();
        }
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
            if let Some(room) = &mut this.parsed {
                arriving::count_parsed(room, this.received)?;
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
