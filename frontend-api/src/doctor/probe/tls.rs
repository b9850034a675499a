//! TLS: shake hands as the service would, and keep what the peer showed for the evidence.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, CertificateError, PeerIncompatible, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::{self, Seen};
use crate::doctor::causes::{
    AWS_TLS_INTERCEPTED, CLOSED, Cause, SERVER_EXPIRED, SERVER_UNKNOWN_AUTHORITY, SERVER_WRONG_NAME, TLS_CA_AS_SERVER,
    TLS_CLIENT_CERTIFICATE, TLS_EXPIRED, TLS_EXPIRES_SOON, TLS_FAILED, TLS_INTERMEDIATE, TLS_SHA1, TLS_SHORT_KEY,
    TLS_TOO_OLD, TLS_UNKNOWN_AUTHORITY, TLS_WRONG_NAME, TLS_WRONG_USAGE,
};
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found};
use crate::tls::{client_config, judged_by};

/// Encrypts `stream` if `verifier` accepts the peer for `host`.
pub(in crate::doctor) async fn handshake(
    stream: TcpStream,
    host: &str,
    verifier: Arc<dyn ServerCertVerifier>,
    subject: &Subject,
) -> Result<Found<TlsStream<TcpStream>>, Fault> {
    // An error does not hold the certificate.
    let seen = Arc::new(OnceLock::new());
    let witness = seen.clone();
    let verifier = judged_by(move |shown| {
        witness.get_or_init(|| certificate::look(shown));
        shown.verify(&*verifier)
    });
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Fault::new(wrong_name(subject), format!("{host:?} cannot be the name in a certificate")))?;
    let asked = Arc::new(Asked::default());
    let mut config = client_config(verifier);
    config.client_auth_cert_resolver = asked.clone();
    match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(stream) => {
            let version = stream.get_ref().1.protocol_version().map(|version| format!("{version:?}, "));
            let text = seen.get().map_or("", |seen: &Seen| seen.text.as_str());
            let evidence = format!("{}{text}", version.unwrap_or_default());
            if seen.get().is_some_and(|seen| seen.ends_soon) {
                return Ok(Found::warning(stream, Fault::new(&TLS_EXPIRES_SOON, evidence)));
            }
            Ok(Found::new(stream, evidence))
        }
        Err(error) => {
            let seen = seen.get();
            let cause = cause(&error, seen, subject, asked.0.load(Ordering::Relaxed));
            let shown = seen.map_or_else(String::new, |seen| format!("; the peer shows {}", seen.text));
            Err(Fault::new(cause, format!("{error}{shown}")))
        }
    }
}

/// Notes that the server asks for a client's certificate. There is none.
#[derive(Debug, Default)]
struct Asked(AtomicBool);

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

fn cause(error: &io::Error, seen: Option<&Seen>, subject: &Subject, asked: bool) -> &'static Cause {
    let tls = rustls_error(error);
    match tls {
        Some(rustls::Error::InvalidCertificate(certificate)) => certificate_cause(certificate, seen, subject),
        _ if tls.is_some_and(wants_client_certificate) || asked => &TLS_CLIENT_CERTIFICATE,
        Some(
            rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
            | rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ),
        ) => &TLS_TOO_OLD,
        // ring takes no short key: the handshake's own signature is refused.
        Some(_) if seen.is_some_and(|seen| seen.is_short) => &TLS_SHORT_KEY,
        None if is_end(error) => &CLOSED,
        _ => &TLS_FAILED,
    }
}

fn certificate_cause(error: &CertificateError, seen: Option<&Seen>, subject: &Subject) -> &'static Cause {
    use CertificateError as E;
    let is = |look: fn(&Seen) -> bool| seen.is_some_and(look);
    let is_database = *subject == Subject::Database;
    let is_aws = matches!(subject, Subject::SecretsManager | Subject::S3);
    match error {
        E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. } => {
            if is_database {
                &TLS_EXPIRED
            } else {
                &SERVER_EXPIRED
            }
        }
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => &TLS_WRONG_USAGE,
        _ if is(|seen| seen.is_sha1) => &TLS_SHA1,
        _ if is(|seen| seen.is_short) => &TLS_SHORT_KEY,
        E::UnknownIssuer | E::BadSignature | E::Other(_) if is(|seen| seen.is_authority) => &TLS_CA_AS_SERVER,
        E::UnknownIssuer if !is_database && is(|seen| seen.is_out_of_date) => &SERVER_EXPIRED,
        E::UnknownIssuer if is(|seen| seen.lacks_intermediate) => &TLS_INTERMEDIATE,
        E::UnknownIssuer | E::BadSignature => match () {
            () if is_database => &TLS_UNKNOWN_AUTHORITY,
            () if is_aws => &AWS_TLS_INTERCEPTED,
            () if is(|seen| !seen.is_for_name && !seen.is_self_issued) => &SERVER_WRONG_NAME,
            () => &SERVER_UNKNOWN_AUTHORITY,
        },
        E::NotValidForName | E::NotValidForNameContext { .. } => wrong_name(subject),
        _ => &TLS_FAILED,
    }
}

fn wrong_name(subject: &Subject) -> &'static Cause {
    match subject {
        Subject::Configuration | Subject::Database => &TLS_WRONG_NAME,
        Subject::SecretsManager | Subject::S3 => &AWS_TLS_INTERCEPTED,
        Subject::PrivateService | Subject::Target(_) => &SERVER_WRONG_NAME,
    }
}

/// Returns the error of TLS that this one wraps, if there is one.
fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
}

fn wants_client_certificate(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::AlertReceived(AlertDescription::CertificateRequired))
}

/// Returns true if the peer ended the connection because it wants a client's certificate. With TLS 1.3 that comes after
/// the handshake, to the first reader.
pub(in crate::doctor) fn is_for_client_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.filter_map(|error| error.downcast_ref::<io::Error>()).filter_map(rustls_error).any(wants_client_certificate)
}

/// The peer hung up.
pub(in crate::doctor) fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}
