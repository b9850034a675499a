//! HTTP: one GET on a new connection.

use std::time::Duration;

use causeway_common::http::client::{self, BodyError};
use causeway_common::telemetry::chain;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER, SERVER};
use url::Url;

use super::tls;
use crate::doctor::causes::{
    Cause, HTTP_BROKEN, HTTP_FAILED, HTTP_FIREWALL, HTTP_FORBIDDEN, HTTP_NOT_FOUND, HTTP_REDIRECTED, HTTP_SIGN_IN,
    HTTP_SLOW, HTTP_TOO_MANY, HTTP_TRUNCATED, NO_HEALTHY_TARGET, STALLED, TARGET_FAILED, TLS_CLIENT_CERTIFICATE,
};
use crate::doctor::place::shown;
use crate::doctor::walk::Fault;

const REQUEST_LIMIT: Duration = Duration::from_secs(2);
/// For the whole stage: longer, so that the client reports whether it was the head or the body that did not come.
pub(in crate::doctor) const STAGE_LIMIT: Duration = Duration::from_millis(2250);
/// Bytes; enough for an identity or a problem, and a bound for anything else.
const LONGEST_BODY: usize = 64 * 1024;
/// Characters of a header as evidence.
const LONGEST_HEADER: usize = 80;

/// Returns a client that keeps no connection: what the doctor opens, it closes.
pub(in crate::doctor) fn client() -> Result<reqwest::Client, reqwest::Error> {
    client::builder(REQUEST_LIMIT).pool_max_idle_per_host(0).timeout(REQUEST_LIMIT).build()
}

/// An answer whose body is complete, or too long to be read.
pub(in crate::doctor) struct Answer {
    pub(in crate::doctor) status: StatusCode,
    headers: HeaderMap,
    location: Option<Url>,
    /// `None` if it is longer than 64 KiB.
    pub(in crate::doctor) body: Option<Vec<u8>>,
}

pub(in crate::doctor) async fn get(client: &reqwest::Client, url: &Url) -> Result<Answer, Fault> {
    let broken = |error: &reqwest::Error, overdue, otherwise| {
        let cause = match () {
            () if tls::is_for_client_certificate(error) => &TLS_CLIENT_CERTIFICATE,
            () if error.is_timeout() => overdue,
            () => otherwise,
        };
        // Without the URL: its user info could hold a password.
        Fault::new(cause, text_without_url(error))
    };
    let answer = client.get(url.clone()).send().await.map_err(|error| broken(&error, &HTTP_SLOW, &HTTP_BROKEN))?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = match client::read_body(answer, LONGEST_BODY).await {
        Ok(body) => Some(body),
        Err(BodyError::TooLong(_)) => None,
        Err(BodyError::Http(error)) => {
            let Fault { cause, evidence } = broken(&error, &STALLED, &HTTP_TRUNCATED);
            return Err(Fault::new(cause, format!("status {status}, then {evidence}")));
        }
    };
    let location = text(&headers, LOCATION.as_str()).and_then(|location| url.join(location).ok());
    Ok(Answer { status, headers, location, body })
}

impl Answer {
    /// Returns status, server and what else the status is about, without anything of the body.
    pub(in crate::doctor) fn seen(&self) -> String {
        let location = self.location.as_ref().map_or_else(String::new, |location| format!(" to {}", shown(location)));
        let mut parts = vec![format!("status {}{location}", self.status)];
        for (name, label) in [(SERVER, "server"), (RETRY_AFTER, "retry after")] {
            if let Some(value) = text(&self.headers, name.as_str()) {
                let value: String = value.chars().take(LONGEST_HEADER).collect();
                parts.push(format!("{label} {value}"));
            }
        }
        parts.join(", ")
    }

    /// Returns the body's media type as evidence.
    pub(in crate::doctor) fn media_type(&self) -> String {
        text(&self.headers, CONTENT_TYPE.as_str()).unwrap_or("no media type").chars().take(LONGEST_HEADER).collect()
    }

    /// Returns how the body is compressed, if it is.
    pub(in crate::doctor) fn encoding(&self) -> Option<&str> {
        text(&self.headers, CONTENT_ENCODING.as_str()).filter(|&encoding| encoding != "identity")
    }

    /// Returns why this is no success.
    pub(in crate::doctor) fn refusal(&self) -> &'static Cause {
        match self.status.as_u16() {
            300..=399 if self.location.as_ref().is_some_and(is_sign_in) => &HTTP_SIGN_IN,
            300..=399 => &HTTP_REDIRECTED,
            401 => &HTTP_SIGN_IN,
            403 if self.is_of_firewall() => &HTTP_FIREWALL,
            403 => &HTTP_FORBIDDEN,
            404 => &HTTP_NOT_FOUND,
            429 => &HTTP_TOO_MANY,
            503 if self.is_of_balancer() => &NO_HEALTHY_TARGET,
            502 | 504 if self.is_of_balancer() => &TARGET_FAILED,
            _ => &HTTP_FAILED,
        }
    }

    /// A load balancer of AWS, `CloudFront` and API Gateway forward their targets' `Server`, and write their own name only
    /// into what they answer themselves.
    fn is_of_firewall(&self) -> bool {
        self.headers.contains_key("x-amzn-waf-action")
            || text(&self.headers, "x-amzn-errortype").is_some_and(|kind| kind.starts_with("ForbiddenException"))
            || self.server_is(&["awselb", "cloudfront"])
    }

    fn is_of_balancer(&self) -> bool {
        let says = |sentence: &str| {
            self.body
                .as_deref()
                .is_some_and(|body| body.windows(sentence.len()).any(|part| part == sentence.as_bytes()))
        };
        self.server_is(&["awselb", "cloudfront", "envoy", "istio-envoy", "nginx", "traefik", "caddy"])
            || self.headers.contains_key("apigw-requestid")
            // Envoy behind a proxy that hides its name, and HAProxy, which has none.
            || says("no healthy upstream")
            || says("No server is available to handle this request")
    }

    fn server_is(&self, names: &[&str]) -> bool {
        let server = text(&self.headers, SERVER.as_str()).unwrap_or_default().to_ascii_lowercase();
        names.iter().any(|name| server.starts_with(name))
    }
}

/// Returns true if a part of the path, or the first label of the host, names a sign-in page.
fn is_sign_in(location: &Url) -> bool {
    const WORDS: [&str; 9] = ["login", "signin", "sign-in", "sign_in", "sso", "saml", "oauth", "oauth2", "authorize"];
    let host = location.host_str().unwrap_or_default().split('.').take(1);
    let mut labels = location.path_segments().into_iter().flatten().chain(host);
    labels.any(|label| WORDS.contains(&label.to_ascii_lowercase().as_str()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// reqwest's own text names the URL; its causes do not.
fn text_without_url(error: &reqwest::Error) -> String {
    std::error::Error::source(error).map_or_else(|| "no answer in time".to_owned(), chain)
}
