//! How to talk to the database and how long to wait for it. Where it is and who logs in, [`super::source`] says.

use std::path::Path;
use std::time::Duration;

use causeway_common::config::{Group, Optional, Var, Variable, Vars};

use super::credentials::CredentialsSource;
use super::engine::Engine;
use super::lanes::SMALLEST_POOL;
use super::source::{self, Auth, DATABASE_URL};
use super::tls::{SslMode, Tls};
use super::url;

/// What the image sets `DB_SSLROOTCERT` to: the authorities of RDS.
const BUNDLE_OF_THE_IMAGE: &str = "/app/rds-ca.pem";

const DB_ENGINE: Var<Engine> = Var::parsed(
    "DB_ENGINE",
    (|| Engine::Postgres, "`postgresql`"),
    "`postgresql` or `dsql`",
    Engine::parse,
    "The kind of server: PostgreSQL and Aurora PostgreSQL, or Aurora DSQL, which takes tokens only and has one database, \
     `postgres`.",
);
const DB_SSLMODE: Optional<SslMode> = Optional::parsed(
    "DB_SSLMODE",
    "`disable`, `prefer`, `require` or `verify-full`",
    SslMode::parse,
    "`verify-full` with a secret or tokens, otherwise `prefer`",
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
    "Maximum size of the pool. Four are reserved for statements that serve many requests at once. Where commits are \
     slow, visits also use up to half of the others. The supervisor and the doctor open one more each.",
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
const AWS_ENDPOINT_URL: Optional<String> = Optional::text(
    "AWS_ENDPOINT_URL",
    "AWS's own",
    "Read by the AWS SDK: the URL of all AWS services. It must not be empty.",
);
const AWS_ENDPOINT_URL_SECRETS_MANAGER: Optional<String> = Optional::text(
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS's own",
    "Read by the AWS SDK: the URL of Secrets Manager. It must not be empty.",
);

/// Milliseconds: up to ten minutes.
const LIMITS: std::ops::RangeInclusive<u64> = 1..=600_000;

/// Everything about the database except the credentials, which [`CredentialsSource`] provides.
pub struct DatabaseConfig {
    /// `DB_ENGINE`.
    pub engine: Engine,
    /// Maximum size of the pool. The supervisor and the doctor open one more each.
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
            &DB_ENGINE,
            &source::DB_AUTH,
            &source::APPRUNNERSERVICE,
            &source::DBSECRETSNAME,
            &source::DB_SECRET_INTERVAL_MS,
            &source::DB_HOST,
            &source::DB_PORT,
            &source::DB_NAME,
            &source::DB_USER,
            &source::DB_PASS,
            &DB_SSLMODE,
            &DB_SSLROOTCERT,
            &DB_POOL_SIZE,
            &DB_CONNECT_TIMEOUT_MS,
            &DB_QUERY_TIMEOUT_MS,
            &DB_IDLE_TIMEOUT_MS,
            &DB_MAX_LIFETIME_MS,
            &source::AWS_REGION,
            &source::AWS_DEFAULT_REGION,
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
        let engine = vars.read(&DB_ENGINE);
        let auth = Auth::load(vars, engine);
        let source = source::load(vars, auth, engine, url_target);
        let has_secret = matches!(source, Some(CredentialsSource::Secret { .. }));
        let default_mode = if has_secret || auth == Auth::Iam { SslMode::VerifyFull } else { SslMode::Prefer };
        // DATABASE_URL overrides the variables, which an image may have preset.
        let (mode, mut root_cert) = (vars.read(&DB_SSLMODE), vars.read(&DB_SSLROOTCERT));
        if engine == Engine::Dsql {
            // Its certificates are of a public authority.
            root_cert = root_cert.filter(|path| path != BUNDLE_OF_THE_IMAGE);
        }
        let mode_name = if url_tls.mode.is_some() { DATABASE_URL.name() } else { DB_SSLMODE.name() };
        let mode = url_tls.mode.or(mode).unwrap_or(default_mode);
        if auth == Auth::Iam && mode != SslMode::VerifyFull {
            let advice =
                "must be verify-full with DB_AUTH=iam: another server that receives the token could log in with it";
            vars.reject(mode_name, format!("sslmode {mode} {advice}"));
        }
        if auth == Auth::Iam && url_tls.requires_channel_binding {
            vars.reject(DATABASE_URL.name(), "channel_binding=require is not possible with DB_AUTH=iam");
        }
        let tls = match url_tls.root_cert {
            Some(path) => Tls::new(mode, Some(&path)).map_err(|_| {
                vars.reject("DATABASE_URL", "sslrootcert is not the path of a readable file of PEM certificates");
            }),
            None => Tls::new(mode, root_cert.as_deref().map(Path::new))
                .map_err(|problem| vars.reject("DB_SSLROOTCERT", problem)),
        };
        let config = Self {
            engine,
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

/// Returns a port that a peer can listen on.
pub fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{text:?} is not a port from 1 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_port;

    #[test]
    fn a_port_is_one_that_a_peer_can_listen_on() {
        assert_eq!((parse_port("1"), parse_port("65535")), (Ok(1), Ok(65_535)));
        for text in ["0", "65536", "-1", "", "x"] {
            assert!(parse_port(text).is_err(), "{text}");
        }
    }
}
