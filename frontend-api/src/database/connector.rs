//! How the pool makes a connection, and when it no longer trusts one.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use secrecy::ExposeSecret;
use tokio::time::timeout;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;

use super::config::DatabaseConfig;
use super::credentials::{Credentials, CredentialsProvider};
use super::error::DatabaseError;

/// For each address. The kernel repeats a lost SYN after 1 s; beyond that a new attempt is as good as the old one.
const TCP_CONNECT_LIMIT: Duration = Duration::from_millis(1200);
/// NAT gateways and load balancers forget a connection after 350 s without a packet.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// Makes connections with the credentials of the moment.
pub struct Connector {
    config: Arc<DatabaseConfig>,
    credentials: Arc<CredentialsProvider>,
}

impl Connector {
    pub(super) fn new(config: Arc<DatabaseConfig>, credentials: Arc<CredentialsProvider>) -> Self {
        Self { config, credentials }
    }

    /// A new connection to a server that takes writes. When the server refuses the credentials, they are read again
    /// and tried once more: a rotated secret needs no restart.
    pub(super) async fn connect(&self) -> Result<ClientWrapper, DatabaseError> {
        let credentials = self.credentials.current().await?;
        match self.log_in(&credentials).await {
            Err(DatabaseError::Connect(error)) if refuses_credentials(&error) => {
                match self.credentials.newer_than(&credentials).await? {
                    Some(newer) => self.log_in(&newer).await,
                    None => Err(DatabaseError::Connect(error)),
                }
            }
            result => result,
        }
    }

    async fn log_in(&self, credentials: &Credentials) -> Result<ClientWrapper, DatabaseError> {
        let driver = driver_config(&self.config, credentials);
        // The driver's own time-out covers TCP alone: a server that accepts and stays silent would hold us for ever.
        let (client, connection) =
            timeout(self.config.connect_timeout, driver.connect(self.config.tls.connector.clone()))
                .await
                .map_err(|_| DatabaseError::TimedOut("connecting"))?
                .map_err(DatabaseError::Connect)?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = causeway_common::telemetry::chain(&error), "a database connection ended");
            }
        });
        Ok(ClientWrapper::new(client, task))
    }
}

/// How every connection to the database is made.
pub fn driver_config(config: &DatabaseConfig, credentials: &Credentials) -> tokio_postgres::Config {
    let mut driver = tokio_postgres::Config::new();
    driver
        .host(&credentials.host)
        .port(credentials.port)
        .dbname(&credentials.name)
        .user(&credentials.user)
        .application_name("causeway-frontend-api")
        .ssl_mode(config.tls.mode.for_driver())
        // A writer that was demoted refuses us here instead of failing every insert.
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .connect_timeout(TCP_CONNECT_LIMIT)
        .tcp_user_timeout(config.query_timeout)
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES);
    if let Some(password) = &credentials.password {
        driver.password(password.expose_secret());
    }
    driver
}

/// 28P01 and 28000: wrong or outdated password, unknown user, no `pg_hba` entry.
fn refuses_credentials(error: &tokio_postgres::Error) -> bool {
    let code = error.code();
    code == Some(&SqlState::INVALID_PASSWORD) || code == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

impl Manager for Connector {
    type Type = ClientWrapper;
    type Error = DatabaseError;

    async fn create(&self) -> Result<ClientWrapper, DatabaseError> {
        // On the heap: the pool polls this inside the future of every query, where it is almost never needed.
        Box::pin(self.connect()).await
    }

    async fn recycle(&self, client: &mut ClientWrapper, metrics: &Metrics) -> RecycleResult<DatabaseError> {
        if client.is_closed() {
            return Err(RecycleError::message("the connection is closed"));
        }
        if metrics.age() > self.config.max_lifetime {
            return Err(RecycleError::message("the connection is past DB_MAX_LIFETIME_MS"));
        }
        Ok(())
    }
}
