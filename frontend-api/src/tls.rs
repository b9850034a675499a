//! Verifies a server's certificate with rustls's own verifier, as for all clients, or with a closure.

use std::fmt;
use std::sync::Arc;

pub use causeway_common::tls::{client_config, public_verifier, verifier};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

/// Whether a certificate is accepted.
pub type Judgement = Result<ServerCertVerified, rustls::Error>;

/// Leaves the decision on a certificate to `judge`. The handshake's signatures are checked in any case.
pub fn judged_by<J>(judge: J) -> Arc<dyn ServerCertVerifier>
where
    J: Fn(&Shown<'_>) -> Judgement + Send + Sync + 'static,
{
    Arc::new(JudgedBy { judge, algorithms: ring::default_provider().signature_verification_algorithms })
}

/// The certificates that a server shows, and the name that it should have.
pub struct Shown<'a> {
    /// The server's own certificate.
    pub certificate: &'a CertificateDer<'a>,
    /// What came with it.
    pub intermediates: &'a [CertificateDer<'a>],
    /// Who it should be.
    pub name: &'a ServerName<'a>,
    ocsp_response: &'a [u8],
    now: UnixTime,
}

impl Shown<'_> {
    /// Returns the result of `verifier`.
    ///
    /// # Errors
    /// When `verifier` does not accept it.
    pub fn verify(&self, verifier: &dyn ServerCertVerifier) -> Judgement {
        let Self { certificate, intermediates, name, ocsp_response, now } = self;
        verifier.verify_server_cert(certificate, intermediates, name, ocsp_response, *now)
    }
}

struct JudgedBy<J> {
    judge: J,
    algorithms: WebPkiSupportedAlgorithms,
}

impl<J> fmt::Debug for JudgedBy<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JudgedBy").finish_non_exhaustive()
    }
}

impl<J> ServerCertVerifier for JudgedBy<J>
where
    J: Fn(&Shown<'_>) -> Judgement + Send + Sync,
{
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Judgement {
        (self.judge)(&Shown { certificate, intermediates, name, ocsp_response, now })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
