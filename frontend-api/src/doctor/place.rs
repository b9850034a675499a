//! Where a check leads to, and how that is shown.

use std::fmt;

use url::Url;

/// The target of a check.
#[derive(Debug, Clone)]
pub enum Place {
    /// Resolve and connect.
    Address { host: String, port: u16 },
    /// Resolve, connect, encrypt and ask.
    Url(Url),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Address { host, port } => write!(f, "{host}:{port}"),
            Self::Url(url) => f.write_str(&shown(url)),
        }
    }
}

/// Returns the URL without user info and what follows the path: either can hold a secret.
pub(super) fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // A URL that has a host can have both, so neither call fails.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}
