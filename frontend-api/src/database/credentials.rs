//! Who logs in to which database: fixed by the environment, or read from Secrets Manager when it is needed.

use std::sync::Arc;

use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::SecretString;
use tokio::sync::Mutex;

use super::secret::{self, SecretProblem};
use super::secrets_manager::SecretsManager;

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
    /// Its password, if it has one.
    pub password: Option<SecretString>,
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
        /// What the environment says and the secret need not.
        overrides: Overrides,
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
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Secrets Manager did not give the secret.
    #[error("the secret {id:?} can't be read")]
    Read {
        /// Its ARN or name.
        id: String,
        /// The SDK's error.
        #[source]
        source: Box<SdkError<GetSecretValueError>>,
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
}

/// Gives the credentials to each new connection, and newer ones when those are refused.
pub struct CredentialsProvider {
    source: CredentialsSource,
    secrets_manager: SecretsManager,
    /// The lock is held while the secret is read, so that one read serves all who wait for it.
    cached: Mutex<Option<Arc<Credentials>>>,
}

impl CredentialsProvider {
    /// Nothing is read yet.
    pub fn new(source: CredentialsSource) -> Self {
        Self { source, secrets_manager: SecretsManager::default(), cached: Mutex::new(None) }
    }

    /// The credentials as far as they are known.
    ///
    /// # Errors
    /// When the secret was never read and can't be read now.
    pub async fn current(&self) -> Result<Arc<Credentials>, CredentialsError> {
        let mut cached = self.cached.lock().await;
        if let Some(credentials) = &*cached {
            return Ok(credentials.clone());
        }
        self.renew(&mut cached).await
    }

    /// Newer credentials than `refused`, or `None` if there are none.
    ///
    /// # Errors
    /// When the secret can't be read.
    pub async fn newer_than(&self, refused: &Arc<Credentials>) -> Result<Option<Arc<Credentials>>, CredentialsError> {
        if matches!(self.source, CredentialsSource::Fixed(_)) {
            return Ok(None);
        }
        let mut cached = self.cached.lock().await;
        if let Some(credentials) = &*cached
            && !Arc::ptr_eq(credentials, refused)
        {
            return Ok(Some(credentials.clone()));
        }
        let credentials = self.renew(&mut cached).await?;
        Ok((!credentials.same_as(refused)).then_some(credentials))
    }

    /// The secret's ARN or name and the service that keeps it, if that is where credentials come from.
    pub fn secret(&self) -> Option<(&str, &SecretsManager)> {
        match &self.source {
            CredentialsSource::Fixed(_) => None,
            CredentialsSource::Secret { id, .. } => Some((id, &self.secrets_manager)),
        }
    }

    /// Reads the secret, whatever is known already, and leaves what is known as it is.
    ///
    /// # Errors
    /// When it can't be read or used.
    pub async fn read(&self) -> Result<Credentials, CredentialsError> {
        Ok(self.read_version().await?.0)
    }

    async fn renew(&self, cached: &mut Option<Arc<Credentials>>) -> Result<Arc<Credentials>, CredentialsError> {
        let (credentials, version) = self.read_version().await?;
        if let Some((secret, _)) = self.secret() {
            tracing::info!(secret, version, "read the database's secret");
        }
        Ok(cached.insert(Arc::new(credentials)).clone())
    }

    /// The credentials, and which version of the secret they are.
    async fn read_version(&self) -> Result<(Credentials, Option<String>), CredentialsError> {
        let (id, overrides) = match &self.source {
            CredentialsSource::Fixed(credentials) => return Ok((credentials.clone(), None)),
            CredentialsSource::Secret { id, overrides } => (id, overrides),
        };
        let answer = self.secrets_manager.read(id).await;
        let answer = answer.map_err(|source| CredentialsError::Read { id: id.clone(), source })?;
        let credentials = answer
            .secret_string()
            .ok_or(SecretProblem::NotJson)
            .and_then(secret::parse)
            .and_then(|secret| overrides.apply(secret))
            .map_err(|problem| CredentialsError::Content { id: id.clone(), problem })?;
        Ok((credentials, answer.version_id))
    }
}

impl Credentials {
    fn same_as(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret;
        let password = |credentials: &Self| credentials.password.as_ref().map(|p| p.expose_secret().to_owned());
        (&self.host, self.port, &self.name, &self.user) == (&other.host, other.port, &other.name, &other.user)
            && password(self) == password(other)
    }
}
