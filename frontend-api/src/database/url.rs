//! `DATABASE_URL`: `postgres://user:password@host:port/name?sslmode=…&sslrootcert=…`.

use std::borrow::Cow;
use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::tls::SslMode;

/// What the URL says of where to connect and as whom.
pub(super) struct UrlTarget {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) name: Option<String>,
    pub(super) user: String,
    pub(super) password: Option<SecretString>,
}

/// What the URL says of TLS.
#[derive(Default)]
pub(super) struct TlsOptions {
    pub(super) mode: Option<SslMode>,
    pub(super) root_cert: Option<PathBuf>,
}

/// The text of an error never holds a part of the URL other than a parameter's name: a stray character in a password
/// moves the password into any other part.
pub(super) fn parse(text: &str) -> Result<(UrlTarget, TlsOptions), String> {
    let malformed = || {
        "is not a URL such as postgres://user:password@host:5432/name; \
         characters such as @ / # % in user and password must be percent-encoded"
            .to_owned()
    };
    let url = Url::parse(text).map_err(|_| malformed())?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(malformed());
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(malformed)?;
    let decode = |text: &str| percent_decode(text).ok_or_else(malformed);
    let user = decode(url.username())?;
    if user.is_empty() || url.fragment().is_some() {
        return Err(malformed());
    }
    let name = decode(url.path().trim_start_matches('/'))?;
    let target = UrlTarget {
        host: decode(host)?.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: url.port(),
        name: Some(name).filter(|name| !name.is_empty()),
        user,
        password: url.password().map(decode).transpose()?.map(SecretString::from),
    };
    Ok((target, tls_options(&url)?))
}

fn tls_options(url: &Url) -> Result<TlsOptions, String> {
    let unknown_mode = || "sslmode is none of disable, prefer, require, verify-full".to_owned();
    let mut options = TlsOptions::default();
    for (key, value) in url.query_pairs() {
        match key.as_ref() {
            "sslmode" => options.mode = Some(SslMode::parse(&value).map_err(|_| unknown_mode())?),
            "sslrootcert" => options.root_cert = Some(PathBuf::from(value.as_ref())),
            _ => return Err("has a parameter other than sslmode and sslrootcert".to_owned()),
        }
    }
    Ok(options)
}

fn percent_decode(text: &str) -> Option<String> {
    // A plus sign means itself in these parts of a URL; the form decoder would make it a space.
    let escaped = text.replace('+', "%2B");
    let mut pairs = url::form_urlencoded::parse(escaped.as_bytes());
    let decoded = pairs.next().map_or(Cow::Borrowed(""), |(key, _)| key);
    if decoded.contains('\u{FFFD}') { None } else { Some(decoded.into_owned()) }
}
