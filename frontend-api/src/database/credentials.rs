//! The credentials of the database: fixed by the environment, read from Secrets Manager when needed, or signed for each
//! log-in.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::SecretString;
use tokio::sync::Mutex;

use super::metrics;
use super::secret::{self, SecretProblem};
use crate::aws::Aws;
use crate::aws::secrets_manager::SecretsManager;
use crate::aws::token::{LogIn, Service, Signer, TokenError};

/// One complete set of what a connection needs.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// A name or an address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database's name.
    pub name: String,
    /// The role that logs in.
    pub user: String,
    /// Its password or token, if it has one.
    pub password: Option<SecretString>,
    /// The version of the secret that they are.
    pub version: Option<String>,
    /// When the token expires, if the password is one.
    pub token_until: Option<SystemTime>,
}

/// Where credentials come from.
#[derive(Debug)]
pub enum CredentialsSource {
    /// `DATABASE_URL`, `DB_*`, or a secret's value in the environment: they never change.
    Fixed(Credentials),
    /// Secrets Manager; it can change at any time.
    Secret {
        /// The secret's ARN or name.
        id: String,
        /// The values that the environment overrides.
        overrides: Overrides,
        /// `DB_SECRET_INTERVAL_MS`: the shortest time between two reads if the first one found nothing new.
        interval: Duration,
    },
    /// `DB_AUTH=iam`: a token takes the place of a password, and each log-in has a new one.
    Iam {
        /// Where the database is and who logs in, without a password.
        target: Credentials,
        /// The region of the database.
        region: String,
        /// What the token is for.
        service: Service,
    },
}

/// `DB_HOST`, `DB_PORT` and `DB_NAME` beside a secret.
#[derive(Debug)]
pub struct Overrides {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) name: Option<String>,
}

/// Why there are no credentials. Holds nothing secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CredentialsError {
    /// The secret could not be read from Secrets Manager.
    #[error("the secret {id:?} can't be read")]
    Read {
        /// Its ARN or name.
        id: String,
        /// The SDK's error.
        #[source]
        source: Arc<SdkError<GetSecretValueError>>,
    },
    /// It is not the JSON that is needed.
    #[error("the secret {id:?} can't be used")]
    Content {
        /// Its ARN or name.
        id: String,
        /// What is wrong with it.
        #[source]
        problem: SecretProblem,
    },
    /// There is no token to log in with.
    #[error("no token for the database can be signed")]
    Token(#[source] Arc<TokenError>),
}

/// After a first read that failed; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Gives the credentials to each new connection, and newer ones when those are refused.
pub struct CredentialsProvider {
    source: CredentialsSource,
    secrets_manager: SecretsManager,
    signer: Signer,
    /// The lock is held while the secret is read, so that one read serves all who wait for it.
    known: Mutex<Known>,
}

/// What was read, and when to read again. It has no clock, so that tests pass the time.
#[derive(Default)]
struct Known {
    current: Option<Arc<Credentials>>,
    /// The last read failed.
    failure: Option<CredentialsError>,
    /// The last read found nothing new.
    fruitless: Option<Fruitless>,
}

struct Fruitless {
    since: Instant,
    pause: Duration,
}

impl Known {
    /// Returns the credentials, or why the last read failed if it is too early for the next one. `None` means that the secret
    /// must be read.
    fn current(&self, now: Instant) -> Option<Result<Arc<Credentials>, CredentialsError>> {
        let failure = || self.failure.clone().filter(|_| self.must_wait(now)).map(Err);
        self.current.clone().map(Ok).or_else(failure)
    }

    /// As [`Self::current`], for a caller whose log-in with `refused` failed: returns newer credentials, if there are any.
    fn newer_than(
        &self,
        refused: &Credentials,
        now: Instant,
    ) -> Option<Result<Option<Arc<Credentials>>, CredentialsError>> {
        match self.current.clone().filter(|current| !current.same_as(refused)) {
            Some(newer) => Some(Ok(Some(newer))),
            None => self.must_wait(now).then(|| self.failure.clone().map_or(Ok(None), Err)),
        }
    }

    fn must_wait(&self, now: Instant) -> bool {
        self.fruitless.as_ref().is_some_and(|read| now < read.since + read.pause)
    }

    /// Returns the pause after a first read if it fails: twice as long as the last one.
    fn doubled_pause(&self, longest: Duration) -> Duration {
        self.fruitless.as_ref().map_or(FIRST_PAUSE, |last| last.pause * 2).min(longest)
    }

    /// Takes what was read, and returns it unless that is what was `refused`. If nothing is returned, the next read has to
    /// wait for `pause`.
    fn learn(
        &mut self,
        read: Result<Credentials, CredentialsError>,
        refused: Option<&Credentials>,
        pause: Duration,
        now: Instant,
    ) -> Result<Option<Arc<Credentials>>, CredentialsError> {
        let differs = |read: &Credentials| refused.is_none_or(|refused| !read.same_as(refused));
        let is_new = read.as_ref().is_ok_and(differs);
        self.fruitless = (!is_new).then_some(Fruitless { since: now, pause });
        self.failure = read.as_ref().err().cloned();
        let credentials = self.current.insert(Arc::new(read?));
        Ok(is_new.then(|| credentials.clone()))
    }
}

impl CredentialsProvider {
    /// Nothing is read yet.
    pub fn new(source: CredentialsSource, aws: Arc<Aws>) -> Self {
        let (secrets_manager, signer) = (SecretsManager::new(aws.clone()), Signer::new(aws));
        Self { source, secrets_manager, signer, known: Mutex::default() }
    }

    /// Returns the credentials as far as they are known, with a new token if that is how to log in.
    ///
    /// # Errors
    /// When the secret was never read and can't be read now, or when no token can be signed.
    pub async fn current(&self) -> Result<Arc<Credentials>, CredentialsError> {
        let interval = match &self.source {
            CredentialsSource::Fixed(credentials) => return Ok(Arc::new(credentials.clone())),
            CredentialsSource::Iam { target, region, service } => {
                return self.signed(target, region, *service).await.map(Arc::new);
            }
            CredentialsSource::Secret { interval, .. } => *interval,
        };
        let mut known = self.known.lock().await;
        if let Some(answer) = known.current(Instant::now()) {
            return answer;
        }
        let pause = known.doubled_pause(interval);
        let read = self.renew(&mut known, None, pause).await?;
        Ok(read.expect("nothing was refused, so that what is read is new"))
    }

    /// Returns newer credentials than `refused`, or `None` if there are none. A refused token is not signed again now:
    /// the next log-in has a new one anyway.
    ///
    /// # Errors
    /// When the secret can't be read.
    pub async fn newer_than(&self, refused: &Arc<Credentials>) -> Result<Option<Arc<Credentials>>, CredentialsError> {
        let interval = match &self.source {
            CredentialsSource::Fixed(_) => return Ok(None),
            CredentialsSource::Iam { .. } => {
                self.signer.distrust().await;
                return Ok(None);
            }
            CredentialsSource::Secret { interval, .. } => interval,
        };
        let mut known = self.known.lock().await;
        if let Some(answer) = known.newer_than(refused, Instant::now()) {
            return answer;
        }
        self.renew(&mut known, Some(refused), *interval).await
    }

    /// Returns the secret's ARN or name, if that is where credentials come from.
    pub fn secret_id(&self) -> Option<&str> {
        match &self.source {
            CredentialsSource::Fixed(_) | CredentialsSource::Iam { .. } => None,
            CredentialsSource::Secret { id, .. } => Some(id),
        }
    }

    /// Returns where the database is and who logs in, as far as that needs no call, and never with a token.
    pub fn fixed(&self) -> Option<&Credentials> {
        match &self.source {
            CredentialsSource::Fixed(credentials) => Some(credentials),
            CredentialsSource::Iam { target, .. } => Some(target),
            CredentialsSource::Secret { .. } => None,
        }
    }

    /// Returns the signer of tokens and the region that they are for, with `DB_AUTH=iam`.
    pub fn signer(&self) -> Option<(&Signer, &str)> {
        match &self.source {
            CredentialsSource::Iam { region, .. } => Some((&self.signer, region)),
            CredentialsSource::Fixed(_) | CredentialsSource::Secret { .. } => None,
        }
    }

    async fn signed(
        &self,
        target: &Credentials,
        region: &str,
        service: Service,
    ) -> Result<Credentials, CredentialsError> {
        let log_in = LogIn { host: &target.host, port: target.port, user: &target.user, region, service };
        let token = self.signer.sign(log_in).await.map_err(|error| CredentialsError::Token(Arc::new(error)))?;
        Ok(Credentials { password: Some(token.text), token_until: Some(token.until), ..target.clone() })
    }

    /// Returns the service that keeps the secret, if there is one.
    pub fn secrets_manager(&self) -> &SecretsManager {
        &self.secrets_manager
    }

    /// Reads the secret and does not change the stored credentials.
    ///
    /// # Errors
    /// When it can't be read or used, or when no token can be signed.
    pub async fn read(&self) -> Result<Credentials, CredentialsError> {
        let (id, overrides) = match &self.source {
            CredentialsSource::Fixed(credentials) => return Ok(credentials.clone()),
            CredentialsSource::Iam { target, region, service } => return self.signed(target, region, *service).await,
            CredentialsSource::Secret { id, overrides, .. } => (id, overrides),
        };
        let answer = self.secrets_manager.read(id).await;
        metrics::secret_read(answer.is_ok());
        let answer = answer.map_err(|source| CredentialsError::Read { id: id.clone(), source: Arc::new(source) })?;
        let credentials = answer
            .secret_string()
            .ok_or(SecretProblem::NotJson)
            .and_then(secret::parse)
            .and_then(|secret| overrides.apply(secret))
            .map_err(|problem| CredentialsError::Content { id: id.clone(), problem })?;
        Ok(Credentials { version: answer.version_id, ..credentials })
    }

    /// Reads the secret. If that finds nothing other than `refused`, the next read has to wait for `pause`.
    async fn renew(
        &self,
        known: &mut Known,
        refused: Option<&Credentials>,
        pause: Duration,
    ) -> Result<Option<Arc<Credentials>>, CredentialsError> {
        let read = self.read().await;
        if let (Ok(credentials), Some(secret)) = (&read, self.secret_id()) {
            tracing::info!(secret, version = credentials.version, "read the database's secret");
        }
        known.learn(read, refused, pause, Instant::now())
    }
}

impl Credentials {
    /// Returns the user and the database, and which version of the secret says so.
    pub fn summary(&self) -> String {
        format!("user {} of database {}{}", self.user, self.name, self.version_summary())
    }

    /// Returns the version as the end of a sentence.
    pub fn version_summary(&self) -> String {
        self.version.as_ref().map_or_else(String::new, |version| format!(", version {version}"))
    }

    fn same_as(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret;
        let password = |credentials: &Self| credentials.password.as_ref().map(|p| p.expose_secret().to_owned());
        (&self.host, self.port, &self.name, &self.user) == (&other.host, other.port, &other.name, &other.user)
            && password(self) == password(other)
    }
}

#[cfg(test)]
mod tests;
