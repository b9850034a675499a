//! Why the private service's answer can't be passed on.

use std::borrow::Cow;
use std::sync::Arc;

use causeway_common::http::problem::{Failure, Kind, Retry};

#[derive(Debug, thiserror::Error)]
pub(super) enum PrivateServiceError {
    #[error("ECSPRIVATESERVICE is not set")]
    NotConfigured,
    #[error("the name {host:?} can't be resolved")]
    Resolve {
        host: String,
        #[source]
        source: Arc<std::io::Error>,
    },
    #[error("PRIVATE_SERVICE_CONCURRENCY requests are already under way")]
    Busy,
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
    /// Returns true if another replica may succeed.
    pub(super) fn is_worth_another_address(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut => true,
            Self::Status(status) => status.is_server_error(),
            _ => false,
        }
    }
}

/// No private service is configured.
pub static NOT_CONFIGURED: Kind = Kind {
    slug: "private-service-not-configured",
    status: 503,
    title: "No private service is configured",
    meaning: "ECSPRIVATESERVICE is not set. Set it to the URL of the private service.",
    retry: Retry::Never,
};

/// As many requests to the private service as are allowed at a time are under way.
pub static BUSY: Kind = Kind {
    slug: "private-service-busy",
    status: 503,
    title: "Too many requests to the private service",
    meaning: "PRIVATE_SERVICE_CONCURRENCY requests to the private service are under way. Nothing was sent for this one.",
    retry: Retry::Later,
};

/// The private service did not answer in time.
pub static TIMED_OUT: Kind = Kind {
    slug: "private-service-timed-out",
    status: 504,
    title: "The private service is slow",
    meaning: "The private service did not answer in time. /test-connection names the hop that failed.",
    retry: Retry::Later,
};

/// No replica of the private service can be reached.
pub static UNREACHABLE: Kind = Kind {
    slug: "private-service-unreachable",
    status: 502,
    title: "The private service cannot be reached",
    meaning: "No replica of the private service could be reached. /test-connection names the hop that failed.",
    retry: Retry::Later,
};

/// The private service's answer is an error or not an identity.
pub static FAILED: Kind = Kind {
    slug: "private-service-failed",
    status: 502,
    title: "The private service failed",
    meaning: "The private service was reached, but did not answer with its task's identity.",
    retry: Retry::Later,
};

/// What the route to the private service reports.
pub static KINDS: &[&Kind] = &[&NOT_CONFIGURED, &BUSY, &TIMED_OUT, &UNREACHABLE, &FAILED];

impl Failure for PrivateServiceError {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::NotConfigured => &NOT_CONFIGURED,
            Self::Busy => &BUSY,
            Self::TimedOut => &TIMED_OUT,
            Self::Resolve { .. } | Self::Client(_) | Self::Unreachable(_) => &UNREACHABLE,
            Self::Status(_) | Self::NotAnIdentity(_) => &FAILED,
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.kind().meaning)
    }
}
