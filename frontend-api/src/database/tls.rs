//! TLS to PostgreSQL by rustls, with libpq's modes.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::metrics;
use crate::tls::{Judgement, client_config, judged_by, public_verifier, verifier};

/// `DB_SSLMODE`, as in libpq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS if the server offers it. The chain is verified only against a given `DB_SSLROOTCERT`, the name never.
    Prefer,
    /// TLS or nothing. The chain is verified only against a given `DB_SSLROOTCERT`, the name never.
    Require,
    /// TLS, and the certificate must be valid for the host's name.
    VerifyFull,
}

impl SslMode {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        const ALL: [SslMode; 4] = [SslMode::Disable, SslMode::Prefer, SslMode::Require, SslMode::VerifyFull];
        ALL.into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not one of {}", ALL.map(Self::as_str).join(", ")))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyFull => "verify-full",
        }
    }

    pub(super) fn for_driver(self) -> tokio_postgres::config::SslMode {
        match self {
            Self::Disable => tokio_postgres::config::SslMode::Disable,
            Self::Prefer => tokio_postgres::config::SslMode::Prefer,
            Self::Require | Self::VerifyFull => tokio_postgres::config::SslMode::Require,
        }
    }
}

impl std::fmt::Display for SslMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A mode, and the verifier of the server's certificate.
#[derive(Clone)]
pub struct Tls {
    /// `DB_SSLMODE`: by default `verify-full` with a secret, otherwise `prefer`.
    pub mode: SslMode,
    /// Decides as `mode` says.
    pub verifier: Arc<dyn ServerCertVerifier>,
    /// Ready to connect with.
    pub(super) connector: MakeRustlsConnect,
}

impl Tls {
    /// Reads `root_cert` (PEM; one or more certificates). Without one, `verify-full` trusts the public authorities.
    pub(super) fn new(mode: SslMode, root_cert: Option<&Path>) -> Result<Self, String> {
        let given = root_cert.map(read_roots).transpose()?.map(verifier);
        // As in libpq, `prefer` and `require` encrypt without authenticating the server.
        let verifier = match (mode, given) {
            (SslMode::VerifyFull, given) => given.unwrap_or_else(public_verifier),
            (_, Some(given)) => judged_by(move |shown| forgive_the_name(shown.verify(&*given))),
            (_, None) => judged_by(|_| Ok(ServerCertVerified::assertion())),
        };
        let verifier = judged_by(move |shown| {
            shown.verify(&*verifier).inspect(|_| metrics::certificate_accepted(shown.certificate))
        });
        let connector = MakeRustlsConnect::new(client_config(verifier.clone()));
        Ok(Self { mode, verifier, connector })
    }
}

fn read_roots(path: &Path) -> Result<RootCertStore, String> {
    let shown = path.display();
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("{shown} can't be read as PEM certificates: {error}"))?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 { Err(format!("{shown} holds no certificate")) } else { Ok(roots) }
}

fn forgive_the_name(verdict: Judgement) -> Judgement {
    use CertificateError::{NotValidForName, NotValidForNameContext};
    match verdict {
        Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
            Ok(ServerCertVerified::assertion())
        }
        verdict => verdict,
    }
}
