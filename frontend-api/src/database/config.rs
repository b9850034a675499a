//! Where the database is, how to talk to it, and how long to wait for it.

use std::path::Path;
use std::time::Duration;

use causeway_common::config::Vars;
use secrecy::{ExposeSecret, SecretString};

use super::credentials::{Credentials, CredentialsSource, Overrides};
use super::lanes::SMALLEST_POOL;
use super::secret::{self, SecretProblem};
use super::tls::{SslMode, Tls};
use super::url;

const DEFAULT_PORT: u16 = 5432;
const DEFAULT_NAME: &str = "apprunnerdemo";

/// Everything about the database except who logs in to it, which [`CredentialsSource`] tells.
pub struct DatabaseConfig {
    /// `DB_POOL_SIZE`: connections of this process at most; default 8, at least 5.
    pub pool_size: usize,
    /// `DB_CONNECT_TIMEOUT_MS`: DNS, TCP, TLS and login together; default 3000.
    pub connect_timeout: Duration,
    /// `DB_QUERY_TIMEOUT_MS`: one statement; default 5000.
    pub query_timeout: Duration,
    /// `DB_IDLE_TIMEOUT_MS`: an unused connection is closed after this time, so that Aurora can pause; default 60000.
    pub idle_timeout: Duration,
    /// `DB_MAX_LIFETIME_MS`: a connection is replaced after this time; default 600000.
    pub max_lifetime: Duration,
    /// `DB_SSLMODE` and `DB_SSLROOTCERT`.
    pub tls: Tls,
}

impl DatabaseConfig {
    /// Reads all `DB_*` variables, `DATABASE_URL`, `DBSECRETSNAME` and `APPRUNNERSERVICE`.
    pub fn load(vars: &mut Vars<'_>) -> Option<(Self, CredentialsSource)> {
        // The AWS SDK panics at its first request if one of them is.
        vars.not_empty("AWS_ENDPOINT_URL");
        vars.not_empty("AWS_ENDPOINT_URL_SECRETS_MANAGER");
        let from_url = vars.parsed("DATABASE_URL", url::parse);
        let (url_target, url_tls) = from_url.map_or((None, url::TlsOptions::default()), |(c, tls)| (Some(c), tls));
        let source = load_source(vars, url_target);
        let default_mode = match source {
            Some(CredentialsSource::Secret { .. }) => SslMode::VerifyFull,
            _ => SslMode::Prefer,
        };
        let mode = vars.parsed("DB_SSLMODE", SslMode::parse).or(url_tls.mode).unwrap_or(default_mode);
        let tls = match (vars.text("DB_SSLROOTCERT"), url_tls.root_cert) {
            (None, Some(path)) => Tls::new(mode, Some(&path)).map_err(|_| {
                vars.reject("DATABASE_URL", "sslrootcert is not the path of a readable file of PEM certificates");
            }),
            (path, _) => {
                Tls::new(mode, path.as_deref().map(Path::new)).map_err(|problem| vars.reject("DB_SSLROOTCERT", problem))
            }
        };
        let config = Self {
            pool_size: vars.number("DB_POOL_SIZE", 8, SMALLEST_POOL..=100),
            connect_timeout: vars.milliseconds("DB_CONNECT_TIMEOUT_MS", 3000),
            query_timeout: vars.milliseconds("DB_QUERY_TIMEOUT_MS", 5000),
            idle_timeout: vars.milliseconds("DB_IDLE_TIMEOUT_MS", 60_000),
            max_lifetime: vars.milliseconds("DB_MAX_LIFETIME_MS", 600_000),
            tls: tls.ok()?,
        };
        Some((config, source?))
    }
}

/// `DATABASE_URL` wins; then the secret, when `APPRUNNERSERVICE` asks for it or there is no `DB_PASS`; then `DB_*`.
fn load_source(vars: &mut Vars<'_>, from_url: Option<url::UrlTarget>) -> Option<CredentialsSource> {
    let overrides =
        Overrides { host: vars.text("DB_HOST"), port: vars.parsed("DB_PORT", parse_port), name: vars.text("DB_NAME") };
    let user = vars.text("DB_USER");
    let password = vars.secret("DB_PASS");
    let secret_id = vars.secret("DBSECRETSNAME");
    let on_app_runner = vars.text("APPRUNNERSERVICE").is_some();

    if let Some(target) = from_url {
        return Some(CredentialsSource::Fixed(Credentials {
            host: target.host,
            port: target.port.or(overrides.port).unwrap_or(DEFAULT_PORT),
            name: target.name.or(overrides.name).unwrap_or_else(|| DEFAULT_NAME.to_owned()),
            user: target.user,
            password: target.password,
        }));
    }
    if vars.is_rejected("DATABASE_URL") {
        // That nothing else tells where the database is need not be said as well.
        return None;
    }
    match secret_id {
        Some(id) if on_app_runner || password.is_none() => load_secret(vars, &id, overrides),
        None if on_app_runner => {
            vars.reject("DBSECRETSNAME", "is needed: APPRUNNERSERVICE is set, so the database's secret is to be read");
            None
        }
        _ => load_plain(vars, overrides, user, password),
    }
}

/// `DBSECRETSNAME` is the secret's ARN or name, or its value, where the platform put that into the variable.
fn load_secret(vars: &mut Vars<'_>, id: &SecretString, overrides: Overrides) -> Option<CredentialsSource> {
    let id = id.expose_secret();
    if !id.trim_start().starts_with('{') {
        return Some(CredentialsSource::Secret { id: id.to_owned(), overrides });
    }
    match secret::parse(id).and_then(|secret| overrides.apply(secret)) {
        Ok(credentials) => Some(CredentialsSource::Fixed(credentials)),
        Err(problem) => {
            vars.reject("DBSECRETSNAME", format!("holds a secret's value instead of its name, and {problem}"));
            None
        }
    }
}

fn load_plain(
    vars: &mut Vars<'_>,
    overrides: Overrides,
    user: Option<String>,
    password: Option<SecretString>,
) -> Option<CredentialsSource> {
    let advice = "is needed, unless DATABASE_URL or DBSECRETSNAME tells where the database is";
    for (name, missing) in
        [("DB_HOST", overrides.host.is_none()), ("DB_USER", user.is_none()), ("DB_PASS", password.is_none())]
    {
        if missing {
            vars.reject(name, advice);
        }
    }
    Some(CredentialsSource::Fixed(Credentials {
        host: overrides.host?,
        port: overrides.port.unwrap_or(DEFAULT_PORT),
        name: overrides.name.unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        user: user?,
        password: Some(password?),
    }))
}

impl Overrides {
    /// What the environment says wins over what the secret says; the name may come from neither.
    pub(super) fn apply(&self, secret: secret::DatabaseSecret) -> Result<Credentials, SecretProblem> {
        let host = self.host.clone().or(secret.host);
        Ok(Credentials {
            host: host.ok_or(SecretProblem::Lacks("host"))?,
            port: self.port.or(secret.port).unwrap_or(DEFAULT_PORT),
            name: self.name.clone().or(secret.name).unwrap_or_else(|| DEFAULT_NAME.to_owned()),
            user: secret.user,
            password: Some(secret.password),
        })
    }
}

/// For [`Vars::parsed`].
pub fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{text:?} is not a port from 1 to 65535")),
    }
}
