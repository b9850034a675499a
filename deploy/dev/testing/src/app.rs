//! A service that a test talks to over HTTP, and how a test waits for it.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use causeway_common::http::client;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::service::Service;

/// What is awaited happens within milliseconds; a busy machine may take its time.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at something that can only be polled.
const POLL: Duration = Duration::from_millis(10);

/// A running service and a client for it.
#[derive(Debug)]
pub struct App {
    /// The process.
    pub service: Service,
    /// Keeps its connections open, unlike a new one per request.
    pub client: Client,
}

/// Makes a client as the services' own are.
pub fn client() -> Client {
    client::builder(PATIENCE).timeout(PATIENCE).build().expect("a client needs only memory")
}

impl App {
    /// Starts `program`, which listens when this returns.
    pub async fn spawn<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        program: impl AsRef<Path>,
        env: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self { service: Service::spawn(program, env).await, client: client() }
    }

    /// Returns the URL of this path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.service.base_url())
    }

    /// Sends a request without a body.
    pub async fn request(&self, method: Method, path: &str) -> Response {
        self.client.request(method, self.url(path)).send().await.expect("the service answers")
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).await
    }

    /// Returns the first access-log line, past or to come, of a request with this path.
    pub async fn access_line(&self, path: &str) -> Value {
        self.service.wait_for_log(|line| line["target"] == "access" && line["path"] == path, PATIENCE).await
    }

    /// Opens a bare connection.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.service.address()).await.expect("the service accepts connections")
    }

    /// Sends these bytes on a new connection, and returns everything that comes back until the service closes.
    pub async fn send_raw(&self, bytes: &[u8]) -> String {
        let mut connection = self.connect().await;
        // The service may refuse and close before it has read everything.
        let _ = connection.write_all(bytes).await;
        read_to_end(&mut connection).await
    }
}

/// Returns everything until the service closes the connection, also by a reset.
pub async fn read_to_end(connection: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, connection.read_to_end(&mut answer)).await.expect("the connection is closed");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Asks again until there is an answer.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// Returns the body of a problem, which must be of this kind.
pub async fn problem(response: Response, status: StatusCode, slug: &str) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    let body: Value = response.json().await.expect("a problem is JSON");
    assert_eq!(body["type"], format!("/problems/{slug}"), "{body}");
    assert_eq!(body["status"], status.as_u16());
    for key in ["title", "detail"] {
        assert!(body[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {body}");
    }
    body
}

/// Returns the body of a 503 of this kind, which must say when to come back.
pub async fn unavailable(response: Response, slug: &str) -> Value {
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    assert!(retry_after.is_some_and(|seconds| (1..=5).contains(&seconds)), "Retry-After: {retry_after:?}");
    problem(response, StatusCode::SERVICE_UNAVAILABLE, slug).await
}
