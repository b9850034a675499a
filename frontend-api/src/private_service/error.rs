//! Why the private service's answer can't be passed on.

use std::time::Duration;

use actix_web::http::StatusCode;
use causeway_common::http::problem::Problem;

const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub(super) enum PrivateServiceError {
    #[error("ECSPRIVATESERVICE is not set")]
    NotConfigured,
    #[error("the name {host:?} can't be resolved")]
    Resolve {
        host: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the name {0:?} has no address")]
    NoAddress(String),
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
    #[error("the private service can't be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the private service did not answer in time")]
    TimedOut,
    #[error("the private service answered {0}")]
    Status(reqwest::StatusCode),
    #[error("the private service's answer is not a task's identity")]
    NotAnIdentity(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl PrivateServiceError {
    /// Another replica may do better.
    pub(super) fn is_worth_another_address(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut => true,
            Self::Status(status) => status.is_server_error(),
            _ => false,
        }
    }
}

impl From<PrivateServiceError> for Problem {
    fn from(error: PrivateServiceError) -> Self {
        use PrivateServiceError as E;
        let (status, slug, title, detail) = match &error {
            E::NotConfigured => (
                StatusCode::SERVICE_UNAVAILABLE,
                "private-service-not-configured",
                "No private service is configured",
                "Set ECSPRIVATESERVICE to its URL.",
            ),
            E::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                "private-service-timed-out",
                "The private service is slow",
                "The private service did not answer in time; /test-connection tells where the way to it ends.",
            ),
            E::Resolve { .. } | E::NoAddress(_) | E::Client(_) | E::Unreachable(_) => (
                StatusCode::BAD_GATEWAY,
                "private-service-unreachable",
                "The private service can't be reached",
                "No replica could be reached; /test-connection tells where the way to it ends.",
            ),
            E::Status(_) | E::NotAnIdentity(_) => (
                StatusCode::BAD_GATEWAY,
                "private-service-failed",
                "The private service failed",
                "The private service was reached, but did not tell its task's identity.",
            ),
        };
        Self::new(status, slug, title, detail).retry_after(RETRY_AFTER).caused_by(&error)
    }
}
