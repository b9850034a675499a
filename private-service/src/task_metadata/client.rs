//! Reads the endpoint's two small documents over plain HTTP.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_common::contract::TaskIdentity;
use causeway_common::http::client;
use causeway_common::telemetry::trace::{Call, Client};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use url::Url;

use super::documents::{Container, Task};
use super::identity::{identify, is_empty};

/// Real documents have some kilobytes, or some dozens with many containers.
const BODY_LIMIT: usize = 1024 * 1024;
/// How much of an error's body the log gets.
const MESSAGE_LIMIT: usize = 300;

/// Why a read gave no identity. Only the log has it.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nothing was read so far.
    #[error("the metadata endpoint has not been read yet")]
    NotRead,
    /// The endpoint took too long.
    #[error("no answer from the metadata endpoint within {0:?}")]
    Timeout(Duration),
    /// No connection, or one that broke.
    #[error("the metadata endpoint can't be read")]
    Http(#[from] reqwest::Error),
    /// The endpoint refused: 429 when it throttles.
    #[error("{url} answered {status}: {message}")]
    Status {
        /// What was asked for.
        url: Url,
        /// What it answered.
        status: StatusCode,
        /// Its explanation.
        message: String,
    },
    /// The answer broke off, or is larger than any real one.
    #[error("the answer of {url} can't be read")]
    Body {
        /// What was asked for.
        url: Url,
        /// What is wrong with the answer.
        source: client::BodyError,
    },
    /// The document is not what it should be.
    #[error("{url} answered something other than a metadata document")]
    Document {
        /// What was asked for.
        url: Url,
        /// What is wrong with the document.
        source: serde_json::Error,
    },
    /// Both documents are JSON but hold nothing of a task.
    #[error("the metadata endpoint's documents describe no task")]
    Empty,
}

impl ReadError {
    /// Returns the `error.type` of a read's span.
    fn span_type(&self) -> String {
        match self {
            Self::Http(error) if error.is_timeout() => "timeout".to_owned(),
            Self::Timeout(_) => "timeout".to_owned(),
            Self::Http(_) => "network".to_owned(),
            Self::Status { status, .. } => status.as_u16().to_string(),
            Self::Body { .. } => "body".to_owned(),
            Self::NotRead | Self::Document { .. } | Self::Empty => "document".to_owned(),
        }
    }
}

/// Asks one container's endpoint.
#[derive(Debug)]
pub(super) struct MetadataClient {
    http: reqwest::Client,
    container: Url,
    task: Url,
    timeout: Duration,
    kept: Mutex<Kept>,
}

/// The document that a read got while the other one failed. The next read requests only the other one: otherwise an
/// endpoint that is throttled to one request at a time would never give both.
#[derive(Debug, Default)]
struct Kept {
    own: Option<Container>,
    task: Option<Task>,
}

impl MetadataClient {
    /// Prepares to read from `endpoint`, the value of `ECS_CONTAINER_METADATA_URI_V4`.
    pub(super) fn new(endpoint: &Url, timeout: Duration) -> Result<Self, reqwest::Error> {
        let mut container = endpoint.clone();
        container.set_path(endpoint.path().trim_end_matches('/'));
        let mut task = container.clone();
        // The path of a URL without one is "/": a double slash would be answered with a redirect.
        task.set_path(&format!("{}/task", container.path().trim_end_matches('/')));
        // Reads are seconds apart: a connection kept for the next one would most likely be closed by then.
        let http = client::builder(timeout).pool_max_idle_per_host(0).build()?;
        Ok(Self { http, container, task, timeout, kept: Mutex::default() })
    }

    /// Reads both documents, each within the time-out.
    pub(super) async fn read(&self) -> Result<TaskIdentity, ReadError> {
        let Kept { own, task } = std::mem::take(&mut *self.kept());
        let (own, task) = tokio::join!(self.unless_kept(own, &self.container), self.unless_kept(task, &self.task));
        let (own, task) = match (own, task) {
            (Ok(own), Ok(task)) => (own, task),
            (Ok(own), Err(error)) => {
                self.kept().own = Some(own);
                return Err(error);
            }
            (Err(error), task) => {
                self.kept().task = task.ok();
                return Err(error);
            }
        };
        let identity = identify(&own, &task);
        if is_empty(&identity) { Err(ReadError::Empty) } else { Ok(identity) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn unless_kept<T: DeserializeOwned>(&self, kept: Option<T>, url: &Url) -> Result<T, ReadError> {
        match kept {
            Some(document) => Ok(document),
            None => tokio::time::timeout(self.timeout, self.document(url))
                .await
                .unwrap_or(Err(ReadError::Timeout(self.timeout))),
        }
    }

    async fn document<T: DeserializeOwned>(&self, url: &Url) -> Result<T, ReadError> {
        let mut span = Client::start(|| Call::get("TaskMetadata", url));
        let outcome = self.document_within(url, &mut span).await;
        match &outcome {
            Ok(_) => span.succeeded(),
            Err(error) => span.failed(|| error.span_type()),
        }
        outcome
    }

    async fn document_within<T: DeserializeOwned>(&self, url: &Url, span: &mut Client) -> Result<T, ReadError> {
        let response = self.http.get(url.clone()).send().await?;
        let status = response.status();
        span.answered(status.as_u16());
        let body = client::read_body(response, BODY_LIMIT)
            .await
            .map_err(|source| ReadError::Body { url: without_user_info(url), source })?;
        if status != StatusCode::OK {
            return Err(ReadError::Status { url: without_user_info(url), status, message: message(&body) });
        }
        serde_json::from_slice(&body).map_err(|source| ReadError::Document { url: without_user_info(url), source })
    }
}

/// Returns `url` as the log may have it.
fn without_user_info(url: &Url) -> Url {
    let mut shown = url.clone();
    // A URL that can't have user info has none to hide.
    if shown.set_username("").and_then(|()| shown.set_password(None)).is_err() {
        shown.set_path("");
    }
    shown
}

/// The text of an error's body: a bare JSON string as a rule, plain text when throttled, sometimes `{}`.
fn message(body: &[u8]) -> String {
    let text = serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
    text.chars().take(MESSAGE_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_are_asked_for_without_a_double_slash() {
        let urls = |endpoint: &str| {
            let client = MetadataClient::new(&endpoint.parse().unwrap(), Duration::from_secs(1)).unwrap();
            [client.container.to_string(), client.task.to_string()]
        };
        let expected = ["http://169.254.170.2/v4/abc", "http://169.254.170.2/v4/abc/task"];
        assert_eq!(urls("http://169.254.170.2/v4/abc"), expected);
        assert_eq!(urls("http://169.254.170.2/v4/abc/"), expected);
        assert_eq!(urls("http://localhost:51678"), ["http://localhost:51678/", "http://localhost:51678/task"]);
    }

    #[tokio::test]
    async fn the_span_of_a_failed_read_says_how_it_failed() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let failed = async |url: &str, limit| {
            let limit = Duration::from_millis(limit);
            let http = client::builder(limit).build().unwrap();
            ReadError::Http(http.get(url).timeout(limit).send().await.unwrap_err())
        };
        let url: Url = "http://127.0.0.1:1".parse().unwrap();
        let refused = ReadError::Status { url, status: StatusCode::TOO_MANY_REQUESTS, message: String::new() };
        for (error, expected) in [
            (failed(&format!("http://{address}"), 1).await, "timeout"),
            (failed("http://127.0.0.1:1", 15_000).await, "network"),
            (ReadError::Timeout(Duration::ZERO), "timeout"),
            (refused, "429"),
            (ReadError::Empty, "document"),
        ] {
            assert_eq!(error.span_type(), expected, "{error:?}");
        }
    }

    #[test]
    fn an_errors_message_is_read_from_each_kind_of_body() {
        assert_eq!(message(br#""unable to find the task""#), "unable to find the task");
        assert_eq!(message(b"You have reached maximum request limit.\n"), "You have reached maximum request limit.\n");
        assert_eq!(message(b"{}"), "{}");
        assert_eq!(message(b"\xff"), "\u{fffd}");
        assert_eq!(message(&[b'x'; 5000]).len(), MESSAGE_LIMIT);
    }
}
