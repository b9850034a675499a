//! Outgoing HTTP: the one way to make a client.

use std::time::Duration;

use reqwest::redirect::Policy;

use crate::tls;

/// Returns a builder for clients that call other services: limited connect time, no redirects, no proxy, and built-in
/// public roots, because a container may have no certificates.
pub fn builder(connect_timeout: Duration) -> reqwest::ClientBuilder {
    tls::install_provider();
    let mut tls = tls::public();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(Policy::none())
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("causeway/", env!("CARGO_PKG_VERSION")))
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection failed or was too slow.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// It is longer than the caller takes.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
}

/// Returns the body of `response`, if it has at most `limit` bytes.
///
/// # Errors
/// When it is longer, or can't be read.
pub async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLong(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
