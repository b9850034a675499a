//! The connection to PostgreSQL: configuration, credentials, TLS, pool, migrations, and whether it is available.
//!
//! [`Database::run`] and [`Database::transaction`] are the only ways to a connection. A background task ([`supervisor`])
//! brings the database up, notices that it is gone, and brings it up again. Meanwhile requests are refused at once
//! instead of waiting for a connection that will not come.
#![allow(dead_code, reason = "users, sessions and diaries are built on it next")]

mod availability;
mod background;
mod config;
mod connection;
mod connector;
mod credentials;
mod error;
mod lanes;
mod metrics;
mod migrations;
mod secret;
mod spans;
pub mod supervisor;
#[cfg(test)]
mod tests;
mod tls;
mod url;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use deadpool::managed::{Pool, PoolError, QueueMode};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::CancelToken;

pub use self::availability::Availability;
pub use self::config::{DatabaseConfig, parse_port};
pub use self::connection::{Connection, Queries, Transaction};
pub use self::connector::{Connector, driver_config};
pub use self::credentials::{Credentials, CredentialsError, CredentialsProvider, CredentialsSource};
pub use self::error::{DATABASE_UNAVAILABLE, DatabaseError};
pub use self::lanes::Lane;
use self::lanes::Lanes;
pub use self::migrations::{Migration, Migrations};
pub use self::secret::SecretProblem;
pub use self::tls::SslMode;
pub use crate::aws::secrets_manager::SecretsManager;

/// While a connection can't be made and none is released, how often to look.
const RELEASE_PAUSE: Duration = Duration::from_millis(250);

/// How often a transaction runs that others keep getting in the way of.
const MOST_ATTEMPTS: u32 = 10;

/// The pool and what is known of the server behind it. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    config: Arc<DatabaseConfig>,
    pool: Pool<Connector>,
    lanes: Arc<Lanes>,
    /// A connection has returned to the pool.
    released: Arc<Notify>,
    /// A request has used the database.
    used: Arc<Notify>,
    /// One permit for each cancel request that may be on its way.
    cancels: Arc<Semaphore>,
    availability: Arc<Availability>,
}

impl Database {
    /// A pool that has not connected yet; [`supervisor::run`] does.
    pub fn new(config: Arc<DatabaseConfig>, credentials: Arc<CredentialsProvider>) -> Self {
        let connector = Connector::new(config.clone(), credentials);
        let pool = Pool::builder(connector)
            .max_size(config.pool_size)
            // Those used last are used first, so that those not needed become idle and are closed.
            .queue_mode(QueueMode::Lifo)
            .build()
            .expect("a pool without time-outs of its own needs no runtime and can always be built");
        let lanes = Arc::new(Lanes::new(config.pool_size));
        let cancels = Arc::new(Semaphore::new(config.pool_size));
        let (released, used, availability) = Default::default();
        Self { config, pool, lanes, released, used, cancels, availability }
    }

    /// Whether requests may use the database now.
    pub fn availability(&self) -> &Availability {
        &self.availability
    }

    /// Waits until the database is used from now on. Only one task may wait. What is done then does not wake a database that
    /// has paused because nobody needs it.
    pub async fn used_again(&self) {
        // Takes the note of an earlier use away.
        self.used.notify_one();
        self.used.notified().await;
        self.used.notified().await;
    }

    /// Runs `work` with a connection of this lane. If `work` is dropped before its statement was answered, the statement
    /// is cancelled and the connection leaves the pool.
    ///
    /// # Errors
    /// Those of `work`, and when no connection can be made or none gets free within `DB_CONNECT_TIMEOUT_MS`.
    pub async fn run<T, E: From<DatabaseError>>(
        &self,
        lane: Lane,
        work: impl AsyncFnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.connection(lane).await?;
        self.used.notify_one();
        work(&connection).await
    }

    /// Runs `work` in a transaction on a shared connection, and returns once it is committed. If `work` fails, or if one
    /// of its statements did, everything is rolled back. `work` must touch nothing but the database, so that it can be
    /// repeated after a serialization failure.
    ///
    /// # Errors
    /// As [`Database::run`], [`DatabaseError::RolledBack`] when `work` ignored that a statement failed, and the server's
    /// error at COMMIT.
    pub async fn transaction<T, E: From<DatabaseError>>(
        &self,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.attempt(work, &AtomicBool::new(false)).await
    }

    /// As [`Database::transaction`], but runs `work` again if the server rolled it back because of another transaction,
    /// which says nothing about this one.
    ///
    /// # Errors
    /// As [`Database::transaction`]; a conflict only after several attempts or `DB_QUERY_TIMEOUT_MS`.
    pub async fn repeating<T, E: From<DatabaseError>>(
        &self,
        work: impl AsyncFn(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let deadline = Instant::now() + self.config.query_timeout;
        for _ in 1..MOST_ATTEMPTS {
            let conflict = AtomicBool::new(false);
            let result = self.attempt(&work, &conflict).await;
            if result.is_ok() || !conflict.into_inner() || Instant::now() >= deadline {
                return result;
            }
        }
        self.transaction(work).await
    }

    async fn attempt<T, E: From<DatabaseError>>(
        &self,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
        conflict: &AtomicBool,
    ) -> Result<T, E> {
        let connection = self.connection(Lane::Shared).await?;
        self.used.notify_one();
        let transaction = connection.begin(conflict).await?;
        match work(&transaction).await {
            Ok(value) => {
                transaction.commit().await?;
                Ok(value)
            }
            Err(error) => {
                transaction.roll_back().await;
                Err(error)
            }
        }
    }

    /// Returns a connection within `DB_CONNECT_TIMEOUT_MS`. If one more can't be made while others work, it waits for one
    /// of those. If there is none, the database is unavailable until the supervisor has reached it again.
    async fn connection(&self, lane: Lane) -> Result<Connection, DatabaseError> {
        let deadline = Instant::now() + self.config.connect_timeout;
        let _waiting = metrics::Waiting::begin();
        let place = timeout_at(deadline, self.lanes.place(lane)).await.map_err(|_| DatabaseError::PoolExhausted)?;
        loop {
            let released = self.released.notified();
            let error = match timeout_at(deadline, self.pool.get()).await {
                Ok(Ok(object)) => return Ok(Connection::new(object, self.clone(), place)),
                Ok(Err(PoolError::Backend(error))) => error,
                Ok(Err(PoolError::Closed)) => DatabaseError::Closed,
                Ok(Err(error)) => unreachable!("the pool has neither time-outs nor hooks: {error}"),
                Err(_) => DatabaseError::TimedOut("connecting"),
            };
            metrics::connection_failed(&error);
            let (manager, expired) = (self.pool.manager(), Instant::now() >= deadline);
            if !manager.has_connections() && (expired || !manager.has_attempts()) {
                self.availability.lost(&error);
                return Err(error);
            }
            let pause = deadline.min(Instant::now() + RELEASE_PAUSE);
            // Whether one was released or not, the next turn finds out.
            let _ = timeout_at(pause, released).await;
            if Instant::now() >= deadline {
                return Err(error);
            }
        }
    }

    /// Returns once there is a connection that can be used.
    async fn reach(&self) -> Result<(), DatabaseError> {
        self.connection(Lane::Shared).await.map(drop)
    }

    /// Closes the idle connections: they lead to a writer that was demoted, or to a server that is gone.
    fn distrust_connections(&self) {
        self.pool.retain(|_, _| false);
    }

    /// Asks the server to cancel a statement that we no longer wait for: it would not notice by itself.
    fn cancel(&self, token: CancelToken) {
        // There is no runtime when the process ends, and then the server notices that the connection is closed.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let Ok(permit) = self.cancels.clone().try_acquire_owned() else { return };
        let (tls, limit) = (self.config.tls.connector.clone(), self.config.connect_timeout);
        runtime.spawn(async move {
            match timeout(limit, token.cancel_query(tls)).await {
                Ok(Ok(())) => tracing::debug!("a statement was cancelled"),
                Ok(Err(error)) => {
                    tracing::debug!(error = causeway_common::telemetry::chain(&error), "cancelling failed");
                }
                Err(_) => tracing::debug!("cancelling took too long"),
            }
            drop(permit);
        });
    }
}
