//! HTTP: one GET on a connection of its own.

use std::time::Duration;

use causeway_common::http::client::{self, BodyError};
use causeway_common::telemetry::chain;
use reqwest::StatusCode;
use url::Url;

use crate::doctor::causes::{HTTP_BROKEN, HTTP_SLOW};
use crate::doctor::walk::Fault;

pub(in crate::doctor) const LIMIT: Duration = Duration::from_secs(2);
/// Bytes; enough for an identity or a problem, and a bound for anything else.
const LONGEST_BODY: usize = 64 * 1024;

/// Keeps no connection: what the doctor opens, it closes.
pub(in crate::doctor) fn client() -> Result<reqwest::Client, reqwest::Error> {
    client::builder(LIMIT).pool_max_idle_per_host(0).timeout(LIMIT).build()
}

pub(in crate::doctor) struct Answer {
    pub(in crate::doctor) status: StatusCode,
    pub(in crate::doctor) body: Vec<u8>,
}

pub(in crate::doctor) async fn get(client: &reqwest::Client, url: &Url) -> Result<Answer, Fault> {
    let broken = |error: &reqwest::Error| {
        let cause = if error.is_timeout() { &HTTP_SLOW } else { &HTTP_BROKEN };
        // Without the URL: its user info could hold a password.
        Fault::new(cause, chain(&error_without_url(error)))
    };
    let answer = client.get(url.clone()).send().await.map_err(|error| broken(&error))?;
    let status = answer.status();
    match client::read_body(answer, LONGEST_BODY).await {
        Ok(body) => Ok(Answer { status, body }),
        Err(BodyError::TooLong(_)) => Ok(Answer { status, body: Vec::new() }),
        Err(BodyError::Http(error)) => Err(broken(&error)),
    }
}

/// reqwest's own text names the URL; its causes do not.
fn error_without_url(error: &reqwest::Error) -> Text {
    let text = std::error::Error::source(error).map_or_else(|| "no answer in time".to_owned(), chain);
    Text(text)
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Text(String);
