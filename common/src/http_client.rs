//! Outgoing HTTP: one way to make a client, with one TLS provider, the public roots and no surprises.

use std::sync::Once;
use std::time::Duration;

use reqwest::redirect::Policy;

/// Makes ring the process's TLS provider. Needed before any TLS or reqwest client; further calls do nothing.
pub fn install_tls_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error says that another provider is in place already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A builder for clients that call other services: bounded connect time, no redirects, no proxy, public roots built in
/// (a container without a file system of certificates must do).
pub fn builder(connect_timeout: Duration) -> reqwest::ClientBuilder {
    install_tls_provider();
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|der| reqwest::Certificate::from_der(der).expect("webpki-root-certs holds valid certificates"));
    reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(Policy::none())
        .no_proxy()
        .tls_certs_only(roots)
        .user_agent(concat!("causeway/", env!("CARGO_PKG_VERSION")))
}
