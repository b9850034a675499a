//! TLS: shake hands as the service would, and keep what the peer showed for the evidence.

use std::io;
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::doctor::catalogue::{CLOSED, TLS_EXPIRED, TLS_FAILED, TLS_UNKNOWN_AUTHORITY, TLS_WRONG_NAME};
use crate::doctor::walk::{Fault, Found};

/// Encrypts `stream` if `verifier` accepts the peer for `host`.
pub(in crate::doctor) async fn handshake(
    stream: TcpStream,
    host: &str,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<Found<TlsStream<TcpStream>>, Fault> {
    let witness = Arc::new(Witness { verifier, seen: Mutex::new(None) });
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions of TLS")
        .dangerous()
        .with_custom_certificate_verifier(witness.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Fault::new(&TLS_WRONG_NAME, format!("{host:?} is no name that a certificate can have")))?;
    let shown = || witness.seen.lock().ok().and_then(|seen| seen.clone()).unwrap_or_default();
    match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(stream) => {
            let version = stream.get_ref().1.protocol_version().map(|version| format!("{version:?}, "));
            Ok(Found::new(stream, format!("{}{}", version.unwrap_or_default(), shown())))
        }
        Err(error) => Err(fault(&error, &shown())),
    }
}

fn fault(error: &io::Error, shown: &str) -> Fault {
    use CertificateError as E;
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let cause = match tls {
        Some(rustls::Error::InvalidCertificate(certificate)) => match certificate {
            E::UnknownIssuer | E::BadSignature => &TLS_UNKNOWN_AUTHORITY,
            E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. } => &TLS_EXPIRED,
            E::NotValidForName | E::NotValidForNameContext { .. } => &TLS_WRONG_NAME,
            _ => &TLS_FAILED,
        },
        None if is_end(error) => &CLOSED,
        _ => &TLS_FAILED,
    };
    let shown = if shown.is_empty() { String::new() } else { format!("; the peer shows {shown}") };
    Fault::new(cause, format!("{error}{shown}"))
}

/// The peer hung up.
pub(in crate::doctor) fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// Decides as another verifier does, and remembers the certificate: an error does not hold it.
#[derive(Debug)]
struct Witness {
    verifier: Arc<dyn ServerCertVerifier>,
    seen: Mutex<Option<String>>,
}

fn describe(certificate: &CertificateDer<'_>) -> String {
    let Ok(parsed) = Certificate::from_der(certificate) else {
        return "a certificate that can't be parsed".to_owned();
    };
    let tbs = parsed.tbs_certificate;
    format!("a certificate for {} by {}, valid until {}", tbs.subject, tbs.issuer, tbs.validity.not_after)
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().expect("no holder of this lock can panic") = Some(describe(end_entity));
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
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
