//! TLS for connections to other services: one provider (ring), and the public authorities' roots, parsed once.

use std::sync::{Arc, LazyLock, Once};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

static PUBLIC_VERIFIER: LazyLock<Arc<dyn ServerCertVerifier>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    verifier(roots)
});
static PUBLIC: LazyLock<ClientConfig> = LazyLock::new(|| client_config(public_verifier()));

/// Makes ring the process's TLS provider, for libraries that ask for one. Further calls do nothing.
pub fn install_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that another provider is in place already, which works as well.
        let _ = ring::default_provider().install_default();
    });
}

/// Returns the configuration for any host of the internet. Its copies share roots and sessions.
pub fn public() -> ClientConfig {
    PUBLIC.clone()
}

/// Returns the verifier that accepts certificates of the public authorities.
pub fn public_verifier() -> Arc<dyn ServerCertVerifier> {
    PUBLIC_VERIFIER.clone()
}

/// Returns rustls's own verifier: chain, validity and name. `roots` must not be empty.
pub fn verifier(roots: RootCertStore) -> Arc<dyn ServerCertVerifier> {
    WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::new(ring::default_provider()))
        .build()
        .expect("there is at least one root, and no revocation list that could be malformed")
}

/// Returns the configuration for servers that `verifier` accepts.
pub fn client_config(verifier: Arc<dyn ServerCertVerifier>) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions of TLS")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth()
}
