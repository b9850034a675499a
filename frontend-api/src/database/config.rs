//! Where the database is, how to talk to it, and how long to wait for it.

use std::path::Path;
use std::time::Duration;

use causeway_common::config::{Group, Optional, Var, Vars};
use secrecy::{ExposeSecret, SecretString};

use super::credentials::{Credentials, CredentialsSource, Overrides};
use super::lanes::SMALLEST_POOL;
use super::secret::{self, SecretProblem};
use super::tls::{SslMode, Tls};
use super::url;

const DEFAULT_PORT: u16 = 5432;
const DEFAULT_NAME: &str = "apprunnerdemo";

const DATABASE_URL: Optional<(url::UrlTarget, url::TlsOptions)> = Optional::parsed(
    "DATABASE_URL",
    "`postgres://user:password@host:port/name?sslmode=…&sslrootcert=…`",
    url::parse,
    "none",
    "Where the database is and who logs in. It overrides all variables that it says the same as; kept secret.",
);
const APPRUNNERSERVICE: Optional<String> =
    Optional::text("APPRUNNERSERVICE", "none", "Any value: read the database's secret.");
const DBSECRETSNAME: Optional<SecretString> = Optional::secret(
    "DBSECRETSNAME",
    "none",
    "The secret's ARN or name, or its JSON. It is used with `APPRUNNERSERVICE`, or if there is no `DB_PASS`.",
);
const DB_SECRET_INTERVAL_MS: Var<Duration> = Var::milliseconds(
    "DB_SECRET_INTERVAL_MS",
    30_000,
    LIMITS,
    "The least time between two reads of the secret if the first one found nothing new.",
);
const DB_HOST: Optional<String> = Optional::text("DB_HOST", "the secret's", "Host of the database.");
const DB_PORT: Optional<u16> =
    Optional::int("DB_PORT", 1..=65_535, "the secret's, otherwise 5432", "Port of the database.");
const DB_NAME: Optional<String> =
    Optional::text("DB_NAME", "the secret's `dbname`, otherwise `apprunnerdemo`", "Name of the database.");
const DB_USER: Optional<String> = Optional::text("DB_USER", "none", "Who logs in, without a secret.");
const DB_PASS: Optional<SecretString> = Optional::secret("DB_PASS", "none", "The password of `DB_USER`.");
const DB_SSLMODE: Optional<SslMode> = Optional::parsed(
    "DB_SSLMODE",
    "`disable`, `prefer`, `require` or `verify-full`",
    SslMode::parse,
    "`verify-full` with a secret, otherwise `prefer`",
    "How to encrypt and authenticate, as in libpq.",
);
const DB_SSLROOTCERT: Optional<String> = Optional::parsed(
    "DB_SSLROOTCERT",
    "the path of a file of PEM certificates",
    |text| Ok(text.to_owned()),
    "the public authorities; in the image the bundle of RDS",
    "Authorities to verify the server with. Once set, `prefer` and `require` verify the chain, too, as in libpq.",
);
const DB_POOL_SIZE: Var<usize> = Var::int(
    "DB_POOL_SIZE",
    8,
    SMALLEST_POOL..=100,
    "Connections at most. Four are reserved for the statements that serve many requests at once.",
);
const DB_CONNECT_TIMEOUT_MS: Var<Duration> = Var::milliseconds(
    "DB_CONNECT_TIMEOUT_MS",
    3000,
    LIMITS,
    "Limit of one connection attempt: DNS, TCP, TLS and login together.",
);
const DB_QUERY_TIMEOUT_MS: Var<Duration> =
    Var::milliseconds("DB_QUERY_TIMEOUT_MS", 5000, LIMITS, "Limit of one statement.");
const DB_IDLE_TIMEOUT_MS: Var<Duration> = Var::milliseconds(
    "DB_IDLE_TIMEOUT_MS",
    60_000,
    LIMITS,
    "How long an unused connection is kept; then it is closed, so that Aurora can pause.",
);
const DB_MAX_LIFETIME_MS: Var<Duration> =
    Var::milliseconds("DB_MAX_LIFETIME_MS", 600_000, LIMITS, "How long a connection is used before it is replaced.");
const AWS_ENDPOINT_URL: Optional<String> =
    Optional::text("AWS_ENDPOINT_URL", "AWS's own", "Read by the AWS SDK, as its other variables are.");
const AWS_ENDPOINT_URL_SECRETS_MANAGER: Optional<String> =
    Optional::text("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS's own", "Read by the AWS SDK: where Secrets Manager is.");

/// Milliseconds: up to ten minutes.
const LIMITS: std::ops::RangeInclusive<u64> = 1..=600_000;

/// Everything about the database except the credentials, which [`CredentialsSource`] provides.
pub struct DatabaseConfig {
    /// Connections of this process at most.
    pub pool_size: usize,
    /// Limit of one connection attempt: DNS, TCP, TLS and login together.
    pub connect_timeout: Duration,
    /// Limit of one statement.
    pub query_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// How long a connection is used before it is replaced.
    pub max_lifetime: Duration,
    /// `channel_binding=require` of `DATABASE_URL`.
    pub(super) requires_channel_binding: bool,
    /// How to encrypt and authenticate.
    pub tls: Tls,
}

impl DatabaseConfig {
    /// Its variables.
    pub const VARIABLES: Group = Group {
        title: "Database",
        variables: &[
            &DATABASE_URL,
            &APPRUNNERSERVICE,
            &DBSECRETSNAME,
            &DB_SECRET_INTERVAL_MS,
            &DB_HOST,
            &DB_PORT,
            &DB_NAME,
            &DB_USER,
            &DB_PASS,
            &DB_SSLMODE,
            &DB_SSLROOTCERT,
            &DB_POOL_SIZE,
            &DB_CONNECT_TIMEOUT_MS,
            &DB_QUERY_TIMEOUT_MS,
            &DB_IDLE_TIMEOUT_MS,
            &DB_MAX_LIFETIME_MS,
            &AWS_ENDPOINT_URL,
            &AWS_ENDPOINT_URL_SECRETS_MANAGER,
        ],
    };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Option<(Self, CredentialsSource)> {
        // The AWS SDK panics at its first request if one of them is empty.
        vars.not_empty(&AWS_ENDPOINT_URL);
        vars.not_empty(&AWS_ENDPOINT_URL_SECRETS_MANAGER);
        let from_url = vars.read(&DATABASE_URL);
        let (url_target, url_tls) = from_url.map_or((None, url::TlsOptions::default()), |(c, tls)| (Some(c), tls));
        let source = load_source(vars, url_target);
        let default_mode = match source {
            Some(CredentialsSource::Secret { .. }) => SslMode::VerifyFull,
            _ => SslMode::Prefer,
        };
        // What DATABASE_URL says wins over the variables, which an image may have preset.
        let (mode, root_cert) = (vars.read(&DB_SSLMODE), vars.read(&DB_SSLROOTCERT));
        let mode = url_tls.mode.or(mode).unwrap_or(default_mode);
        let tls = match url_tls.root_cert {
            Some(path) => Tls::new(mode, Some(&path)).map_err(|_| {
                vars.reject("DATABASE_URL", "sslrootcert is not the path of a readable file of PEM certificates");
            }),
            None => Tls::new(mode, root_cert.as_deref().map(Path::new))
                .map_err(|problem| vars.reject("DB_SSLROOTCERT", problem)),
        };
        let config = Self {
            pool_size: vars.read(&DB_POOL_SIZE),
            connect_timeout: vars.read(&DB_CONNECT_TIMEOUT_MS),
            query_timeout: vars.read(&DB_QUERY_TIMEOUT_MS),
            idle_timeout: vars.read(&DB_IDLE_TIMEOUT_MS),
            max_lifetime: vars.read(&DB_MAX_LIFETIME_MS),
            requires_channel_binding: url_tls.requires_channel_binding,
            tls: tls.ok()?,
        };
        Some((config, source?))
    }
}

/// `DATABASE_URL` wins; then the secret, when `APPRUNNERSERVICE` asks for it or there is no `DB_PASS`; then `DB_*`.
fn load_source(vars: &mut Vars<'_>, from_url: Option<url::UrlTarget>) -> Option<CredentialsSource> {
    let interval = vars.read(&DB_SECRET_INTERVAL_MS);
    let overrides = Overrides { host: vars.read(&DB_HOST), port: vars.read(&DB_PORT), name: vars.read(&DB_NAME) };
    let user = vars.read(&DB_USER);
    let password = vars.read(&DB_PASS);
    let secret_id = vars.read(&DBSECRETSNAME);
    let on_app_runner = vars.read(&APPRUNNERSERVICE).is_some();

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
        Some(id) if on_app_runner || password.is_none() => load_secret(vars, &id, overrides, interval),
        None if on_app_runner => {
            vars.reject("DBSECRETSNAME", "is needed: APPRUNNERSERVICE is set, so the database's secret is to be read");
            None
        }
        _ => load_plain(vars, overrides, user, password),
    }
}

/// `DBSECRETSNAME` is the secret's ARN or name, or its value, where the platform put that into the variable.
fn load_secret(
    vars: &mut Vars<'_>,
    id: &SecretString,
    overrides: Overrides,
    interval: Duration,
) -> Option<CredentialsSource> {
    let id = id.expose_secret();
    if !id.trim_start().starts_with('{') {
        return Some(CredentialsSource::Secret { id: id.to_owned(), overrides, interval });
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
    let advice = "is needed, unless DATABASE_URL or DBSECRETSNAME says where the database is";
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

/// Returns a port that a peer can listen on.
pub fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{text:?} is not a port from 1 to 65535")),
    }
}
