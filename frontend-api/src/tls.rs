//! Who decides on a server's certificate: rustls's own verifier, or one that differs from it in that alone.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Whether a certificate is accepted.
pub type Judgement = Result<ServerCertVerified, rustls::Error>;

/// rustls's own verifier: chain, validity and name. `roots` must not be empty.
pub fn verifier(roots: RootCertStore) -> Arc<dyn ServerCertVerifier> {
    WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::new(ring::default_provider()))
        .build()
        .expect("there is at least one root, and no revocation list that could be malformed")
}

/// Verifies against the public authorities, as for any host of the internet.
pub fn public_verifier() -> Arc<dyn ServerCertVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    verifier(roots)
}

/// How to connect to whom `verifier` accepts.
pub fn client_config(verifier: Arc<dyn ServerCertVerifier>) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions of TLS")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth()
}

/// Like `verifier`, but that `judge`, given the certificate and what `verifier` said of it, has the last word.
pub fn judged<J>(verifier: Arc<dyn ServerCertVerifier>, judge: J) -> Arc<dyn ServerCertVerifier>
where
    J: Fn(&CertificateDer<'_>, Judgement) -> Judgement + Send + Sync + 'static,
{
    Arc::new(Judged { verifier, judge })
}

struct Judged<J> {
    verifier: Arc<dyn ServerCertVerifier>,
    judge: J,
}

impl<J> fmt::Debug for Judged<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Judged").field(&self.verifier).finish()
    }
}

impl<J> ServerCertVerifier for Judged<J>
where
    J: Fn(&CertificateDer<'_>, Judgement) -> Judgement + Send + Sync,
{
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Judgement {
        let verdict = self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        (self.judge)(end_entity, verdict)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
