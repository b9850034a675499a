//! Where the database is and who logs in: `DATABASE_URL`, a secret, a token of IAM, or `DB_*`.

use std::time::Duration;

use causeway_common::config::{Optional, Var, Variable, Vars};
use secrecy::{ExposeSecret, SecretString};

use super::credentials::{Credentials, CredentialsSource, Overrides};
use super::engine::Engine;
use super::secret::{self, SecretProblem};
use super::url::{self, UrlTarget};
use crate::aws::token::Service;

const DEFAULT_PORT: u16 = 5432;
const DEFAULT_NAME: &str = "apprunnerdemo";
/// The only database that DSQL has.
const NAME_ON_DSQL: &str = "postgres";
/// The user of DSQL that needs another right, and more of it than this service should have.
const ADMIN_OF_DSQL: &str = "admin";

pub(super) const DATABASE_URL: Optional<(UrlTarget, url::TlsOptions)> = Optional::parsed_secret(
    "DATABASE_URL",
    "`postgres://user:password@host:port/name?sslmode=…&sslrootcert=…`",
    url::parse,
    "none",
    "Host, port, name, user and password of the database. It overrides the variables that set the same; kept secret.",
);
pub(super) const DB_AUTH: Optional<Auth> = Optional::parsed(
    "DB_AUTH",
    "`password` or `iam`",
    Auth::parse,
    "`password`; `iam` with `DB_ENGINE=dsql`",
    "How to log in. With `iam`, the service signs a token for each log-in with the credentials of its AWS role; there is no \
     password, and the certificate must be verified.",
);
pub(super) const AWS_REGION: Optional<String> = Optional::text(
    "AWS_REGION",
    "`AWS_DEFAULT_REGION`, otherwise the profile's",
    "Read by the AWS SDK: the region. `DB_AUTH=iam` requires it or `AWS_DEFAULT_REGION`.",
);
pub(super) const AWS_DEFAULT_REGION: Optional<String> = Optional::text(
    "AWS_DEFAULT_REGION",
    "the profile's",
    "Read by the AWS SDK: the region, if `AWS_REGION` is not set.",
);
pub(super) const APPRUNNERSERVICE: Optional<String> =
    Optional::text("APPRUNNERSERVICE", "none", "Set to any value, it makes the service read the database's secret.");
pub(super) const DBSECRETSNAME: Optional<SecretString> = Optional::secret(
    "DBSECRETSNAME",
    "none",
    "The secret's ARN or name, or its JSON. It is used with `APPRUNNERSERVICE`, or if there is no `DB_PASS`.",
);
pub(super) const DB_SECRET_INTERVAL_MS: Var<Duration> = Var::milliseconds(
    "DB_SECRET_INTERVAL_MS",
    30_000,
    1..=600_000,
    "Shortest time between two reads of the secret if the first one found nothing new.",
);
pub(super) const DB_HOST: Optional<String> = Optional::text("DB_HOST", "the secret's", "Host of the database.");
pub(super) const DB_PORT: Optional<u16> =
    Optional::int("DB_PORT", 1..=65_535, "the secret's, otherwise 5432", "Port of the database.");
pub(super) const DB_NAME: Optional<String> =
    Optional::text("DB_NAME", "the secret's `dbname`, otherwise `apprunnerdemo`", "Name of the database.");
pub(super) const DB_USER: Optional<String> =
    Optional::text("DB_USER", "none", "The user that logs in, without a secret.");
pub(super) const DB_PASS: Optional<SecretString> = Optional::secret("DB_PASS", "none", "The password of `DB_USER`.");

/// `DB_AUTH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    Password,
    Iam,
}

impl Auth {
    /// `DB_AUTH`, which can't be `password` on DSQL.
    pub(super) fn load(vars: &mut Vars<'_>, engine: Engine) -> Self {
        match (engine, vars.read(&DB_AUTH)) {
            (Engine::Dsql, Some(Self::Password)) => {
                vars.reject(
                    DB_AUTH.name(),
                    "is password, but DB_ENGINE=dsql has no passwords: set it to iam, or leave it out",
                );
                Self::Iam
            }
            (Engine::Dsql, _) => Self::Iam,
            (Engine::Postgres, given) => given.unwrap_or(Self::Password),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "password" => Ok(Self::Password),
            "iam" => Ok(Self::Iam),
            _ => Err(format!("{text:?} is not one of password, iam")),
        }
    }
}

/// What the variables say of the credentials.
struct Given {
    interval: Duration,
    overrides: Overrides,
    user: Option<String>,
    password: Option<SecretString>,
    secret_id: Option<SecretString>,
    on_app_runner: bool,
    region: Option<String>,
}

impl Given {
    fn read(vars: &mut Vars<'_>) -> Self {
        let (region, default_region) = (vars.read(&AWS_REGION), vars.read(&AWS_DEFAULT_REGION));
        Self {
            interval: vars.read(&DB_SECRET_INTERVAL_MS),
            overrides: Overrides { host: vars.read(&DB_HOST), port: vars.read(&DB_PORT), name: vars.read(&DB_NAME) },
            user: vars.read(&DB_USER),
            password: vars.read(&DB_PASS),
            secret_id: vars.read(&DBSECRETSNAME),
            on_app_runner: vars.read(&APPRUNNERSERVICE).is_some(),
            region: region.or(default_region),
        }
    }
}

/// Chooses the source. `from_url` is what `DATABASE_URL` says.
pub(super) fn load(
    vars: &mut Vars<'_>,
    auth: Auth,
    engine: Engine,
    from_url: Option<UrlTarget>,
) -> Option<CredentialsSource> {
    let given = Given::read(vars);
    match auth {
        Auth::Password => load_by_password(vars, given, from_url),
        Auth::Iam => load_iam(vars, given, from_url, engine),
    }
}

/// `DATABASE_URL` wins; then the secret, when `APPRUNNERSERVICE` asks for it or there is no `DB_PASS`; then `DB_*`.
fn load_by_password(vars: &mut Vars<'_>, given: Given, from_url: Option<UrlTarget>) -> Option<CredentialsSource> {
    let Given { interval, overrides, user, password, secret_id, on_app_runner, region: _ } = given;
    if let Some(target) = from_url {
        return Some(CredentialsSource::Fixed(of_url(target, overrides)));
    }
    if vars.is_rejected("DATABASE_URL") {
        // DATABASE_URL is reported already: that other variables are missing is not a further mistake.
        return None;
    }
    match secret_id {
        Some(id) if on_app_runner || password.is_none() => load_secret(vars, &id, overrides, interval),
        None if on_app_runner => {
            let advice = "is required: APPRUNNERSERVICE is set, so the service reads the database's secret";
            vars.reject("DBSECRETSNAME", advice);
            None
        }
        _ => load_plain(vars, overrides, user, password),
    }
}

fn of_url(target: UrlTarget, overrides: Overrides) -> Credentials {
    Credentials {
        host: target.host,
        port: target.port.or(overrides.port).unwrap_or(DEFAULT_PORT),
        name: target.name.or(overrides.name).unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        user: target.user,
        password: target.password,
        version: None,
        token_until: None,
    }
}

/// `DATABASE_URL` without a password, or `DB_HOST` and `DB_USER`. What has or names a password is refused, because it
/// would have no effect.
fn load_iam(
    vars: &mut Vars<'_>,
    mut given: Given,
    from_url: Option<UrlTarget>,
    engine: Engine,
) -> Option<CredentialsSource> {
    let url_has_password = from_url.as_ref().is_some_and(|target| target.password.is_some());
    let unused = [
        (DATABASE_URL.name(), url_has_password, "has a password: remove it"),
        (DB_PASS.name(), given.password.is_some(), "is set: remove it"),
        (DBSECRETSNAME.name(), given.secret_id.is_some(), "is set: remove it"),
        (APPRUNNERSERVICE.name(), given.on_app_runner, "is set, so that the database's secret is read: remove it"),
    ];
    for (name, _, problem) in unused.into_iter().filter(|(_, is_given, _)| *is_given) {
        vars.reject(name, format!("{problem}, because DB_AUTH=iam logs in with a token, or set DB_AUTH=password"));
    }
    if given.region.is_none() {
        vars.reject(AWS_REGION.name(), "is required with DB_AUTH=iam: the region of the database, such as eu-west-1");
    }
    if engine == Engine::Dsql {
        given.overrides.name.get_or_insert_with(|| NAME_ON_DSQL.to_owned());
    }
    let is_url = from_url.is_some();
    let target = match from_url {
        Some(target) => Some(of_url(target, given.overrides)),
        None if vars.is_rejected(DATABASE_URL.name()) => None,
        None => {
            let advice = "is required with DB_AUTH=iam, unless DATABASE_URL says where the database is and who logs in";
            target(vars, given.overrides, given.user, advice)
        }
    };
    if let Some(target) = target.as_ref().filter(|_| engine == Engine::Dsql) {
        let name_of = |variable: &'static str| if is_url { DATABASE_URL.name() } else { variable };
        if target.name != NAME_ON_DSQL {
            let problem = format!("names a database other than {NAME_ON_DSQL}, the only one of DB_ENGINE=dsql");
            vars.reject(name_of(DB_NAME.name()), problem);
        }
        if target.user == ADMIN_OF_DSQL {
            let problem = "is admin: with DB_ENGINE=dsql, log in as a user with the rights to its own tables only";
            vars.reject(name_of(DB_USER.name()), problem);
        }
    }
    let service = if engine == Engine::Dsql { Service::Dsql } else { Service::Rds };
    Some(CredentialsSource::Iam { target: target?, region: given.region?, service })
}

/// `DB_HOST`, `DB_PORT`, `DB_NAME` and `DB_USER`, without a password. `advice` is for what is missing.
fn target(
    vars: &mut Vars<'_>,
    overrides: Overrides,
    user: Option<String>,
    advice: &'static str,
) -> Option<Credentials> {
    for (name, missing) in [(DB_HOST.name(), overrides.host.is_none()), (DB_USER.name(), user.is_none())] {
        if missing {
            vars.reject(name, advice);
        }
    }
    Some(Credentials {
        host: overrides.host?,
        port: overrides.port.unwrap_or(DEFAULT_PORT),
        name: overrides.name.unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        user: user?,
        password: None,
        version: None,
        token_until: None,
    })
}

/// `DBSECRETSNAME` is the secret's ARN or name, or its value if the platform puts the value into the variable.
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
    let advice = "is required, unless DATABASE_URL or DBSECRETSNAME says where the database is";
    let target = target(vars, overrides, user, advice);
    if password.is_none() {
        vars.reject(DB_PASS.name(), advice);
    }
    Some(CredentialsSource::Fixed(Credentials { password: Some(password?), ..target? }))
}

impl Overrides {
    /// The environment overrides the secret. The name may be in neither.
    pub(super) fn apply(&self, secret: secret::DatabaseSecret) -> Result<Credentials, SecretProblem> {
        let host = self.host.clone().or(secret.host);
        Ok(Credentials {
            host: host.ok_or(SecretProblem::Lacks("host"))?,
            port: self.port.or(secret.port).unwrap_or(DEFAULT_PORT),
            name: self.name.clone().or(secret.name).unwrap_or_else(|| DEFAULT_NAME.to_owned()),
            user: secret.user,
            password: Some(secret.password),
            version: None,
            token_until: None,
        })
    }
}

#[cfg(test)]
mod tests;
