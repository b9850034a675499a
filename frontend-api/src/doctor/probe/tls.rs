//! TLS: shake hands as the service would, and keep what the peer showed for the evidence.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::CertificateError;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::doctor::causes::{CLOSED, TLS_EXPIRED, TLS_FAILED, TLS_UNKNOWN_AUTHORITY, TLS_WRONG_NAME};
use crate::doctor::walk::{Fault, Found};
use crate::tls::{client_config, judged_by};

/// Encrypts `stream` if `verifier` accepts the peer for `host`.
pub(in crate::doctor) async fn handshake(
    stream: TcpStream,
    host: &str,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<Found<TlsStream<TcpStream>>, Fault> {
    // An error does not hold the certificate.
    let seen = Arc::new(OnceLock::new());
    let witness = seen.clone();
    let verifier = judged_by(move |shown| {
        witness.get_or_init(|| describe(shown.certificate));
        shown.verify(&*verifier)
    });
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Fault::new(&TLS_WRONG_NAME, format!("{host:?} is no name that a certificate can have")))?;
    let shown = || seen.get().map_or("", String::as_str);
    match TlsConnector::from(Arc::new(client_config(verifier))).connect(name, stream).await {
        Ok(stream) => {
            let version = stream.get_ref().1.protocol_version().map(|version| format!("{version:?}, "));
            Ok(Found::new(stream, format!("{}{}", version.unwrap_or_default(), shown())))
        }
        Err(error) => Err(fault(&error, shown())),
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

fn describe(certificate: &CertificateDer<'_>) -> String {
    let Ok(parsed) = Certificate::from_der(certificate) else {
        return "a certificate that can't be parsed".to_owned();
    };
    let tbs = parsed.tbs_certificate;
    format!("a certificate for {} by {}, valid until {}", tbs.subject, tbs.issuer, tbs.validity.not_after)
}
