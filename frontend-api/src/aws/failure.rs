//! What a failed call of AWS shows, as types, because the SDK's texts are for people.

use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use causeway_common::telemetry::chain;
use time::{Duration, OffsetDateTime};

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    /// AWS answered with one of its errors.
    Refused(Refusal),
    /// The answer does not have AWS's form. This is its status.
    Foreign(u16),
    /// There was no answer in time.
    TimedOut,
    /// The request was not sent: there is no region, no credentials or no connection. The text is the SDK's.
    NotSent(String),
}

/// An error of AWS.
#[derive(Debug)]
pub struct Refusal {
    /// Such as `AccessDeniedException`.
    pub code: String,
    /// AWS's own sentence.
    pub message: String,
    /// The status of HTTP.
    pub status: u16,
    /// How far the clock of AWS is ahead of this machine's.
    pub clock: Option<Duration>,
    /// The bucket's region, according to S3.
    pub bucket_region: Option<String>,
}

impl Failure {
    /// Returns what the SDK's error shows.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match error {
            SdkError::TimeoutError(_) => Self::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::TimedOut,
            SdkError::ServiceError(answer) => {
                let (raw, meta) = (answer.raw(), answer.err().meta());
                let status = raw.status().as_u16();
                let Some(code) = meta.code() else { return Self::Foreign(status) };
                Self::Refused(Refusal {
                    code: code.to_owned(),
                    message: meta.message().unwrap_or_default().to_owned(),
                    status,
                    clock: raw.headers().get("date").and_then(ahead),
                    bucket_region: raw.headers().get("x-amz-bucket-region").map(str::to_owned),
                })
            }
            SdkError::ResponseError(answer) => Self::Foreign(answer.raw().status().as_u16()),
            _ => Self::NotSent(chain(error)),
        }
    }
}

/// Returns how far the clock of an answer with this `Date` is ahead of this machine's.
pub fn ahead(date: &str) -> Option<Duration> {
    let theirs = DateTime::from_str(date, DateTimeFormat::HttpDate).ok()?.secs();
    Some(Duration::seconds(theirs - OffsetDateTime::now_utc().unix_timestamp()))
}
