//! The stand-ins over real ports.

mod balancer;
mod metadata;
mod s3;

/// Sends a GET request.
async fn get(url: &str) -> reqwest::Response {
    // reqwest wants a provider even for plain HTTP. An error means that the process has one.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::get(url).await.expect("the stand-in answers")
}
