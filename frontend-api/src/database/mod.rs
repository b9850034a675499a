//! The connection to PostgreSQL: configuration, credentials, TLS, pool, migrations, and whether it is available.
//!
//! [`Database::run`] and [`Database::transaction`] are the only ways to a connection. A background task ([`supervisor`])
//! makes the first connection, and reconnects when a request has noticed that the database is lost. Meanwhile requests are
//! rejected immediately, without waiting for a connection.

mod availability;
mod background;
mod config;
mod conflicts;
mod connection;
mod connector;
mod credentials;
mod derived;
mod engine;
mod error;
mod lanes;
mod leases;
mod metrics;
mod migrations;
mod plan;
mod secret;
mod source;
mod spans;
pub mod supervisor;
#[cfg(test)]
mod tests;
mod tls;
mod url;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use causeway_common::random;
use causeway_common::tasks::Place;
use deadpool::managed::{Object, Pool, PoolError, QueueMode};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::CancelToken;

pub use self::availability::Availability;
pub use self::config::{DatabaseConfig, parse_port};
pub use self::conflicts::Repetition;
pub use self::connection::{Connection, Queries, Transaction};
pub use self::connector::{Connector, driver_config};
pub use self::credentials::{Credentials, CredentialsError, CredentialsProvider, CredentialsSource};
pub use self::engine::{Engine, Key, KeyOfRow};
pub use self::error::{DATABASE_UNAVAILABLE, DatabaseError};
use self::lanes::Lanes;
pub use self::lanes::{Lane, Permit};
pub use self::leases::Renewal;
pub use self::migrations::{Migration, Migrations};
pub use self::secret::SecretProblem;
pub use self::tls::SslMode;
pub use crate::aws::secrets_manager::SecretsManager;

/// While a connection can't be made and none is released, how often to look.
const RELEASE_PAUSE: Duration = Duration::from_millis(250);

/// The pool and what is known of the server behind it. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    config: Arc<DatabaseConfig>,
    pool: Pool<Connector>,
    lanes: Arc<Lanes>,
    /// A connection has returned to the pool.
    released: Arc<Notify>,
    /// Wakes those who wait for the database to be used.
    used: Arc<Notify>,
    /// One permit for each cancel request that may be on its way.
    cancels: Arc<Semaphore>,
    availability: Arc<Availability>,
    /// This process, as the holder of leases.
    holder: Arc<str>,
}

impl Database {
    /// A pool that has not connected yet; [`supervisor::run`] does. Its connections are driven in `place`.
    pub fn new(config: Arc<DatabaseConfig>, credentials: Arc<CredentialsProvider>, place: Place) -> Self {
        let connector = Connector::new(config.clone(), credentials, place);
        let pool = Pool::builder(connector)
            .max_size(config.pool_size)
            // Those used last are used first, so that those not needed become idle and are closed.
            .queue_mode(QueueMode::Lifo)
            .build()
            .expect("a pool without time-outs of its own needs no runtime and can always be built");
        let lanes = Arc::new(Lanes::new(config.pool_size));
        let cancels = Arc::new(Semaphore::new(config.pool_size));
        let (released, used, availability) = Default::default();
        let holder = random::text().into();
        Self { config, pool, lanes, released, used, cancels, availability, holder }
    }

    /// Whether requests may use the database now.
    pub fn availability(&self) -> &Availability {
        &self.availability
    }

    /// Waits until the database is used. Work that follows does not wake a paused database.
    pub async fn used_again(&self) {
        self.used.notified().await;
    }

    /// Runs `work` with a connection of this lane. If `work` is dropped before its statement was answered, the statement
    /// is cancelled and the connection leaves the pool.
    ///
    /// # Errors
    /// Those of `work`, and when no connection can be made or becomes free within `DB_CONNECT_TIMEOUT_MS`.
    pub async fn run<T, E: From<DatabaseError>>(
        &self,
        lane: Lane,
        work: impl AsyncFnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.run_with(self.lanes.place(lane), work).await
    }

    /// As [`Database::run`], but on a connection for which `permit` waits.
    ///
    /// # Errors
    /// As [`Database::run`].
    pub async fn run_with<T, E: From<DatabaseError>>(
        &self,
        permit: impl Future<Output = Permit>,
        work: impl AsyncFnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.availability.check_loss()?;
        let connection = self.connection(permit).await?;
        self.used.notify_waiters();
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
    /// As [`Database::transaction`]; a conflict only if it lasts for `DB_QUERY_TIMEOUT_MS`.
    pub async fn repeating<T, E: From<DatabaseError>>(
        &self,
        work: impl AsyncFn(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut repetition = self.repetition();
        loop {
            let conflict = AtomicBool::new(false);
            let result = self.attempt(&work, &conflict).await;
            if result.is_ok() || !conflict.into_inner() || !repetition.again().await {
                return result;
            }
        }
    }

    /// Begins to repeat something within `DB_QUERY_TIMEOUT_MS`, for work that [`Database::repeating`] does not take.
    pub fn repetition(&self) -> Repetition {
        Repetition::within(self.config.query_timeout)
    }

    async fn attempt<T, E: From<DatabaseError>>(
        &self,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
        conflict: &AtomicBool,
    ) -> Result<T, E> {
        self.availability.check_loss()?;
        let connection = self.connection(self.lanes.place(Lane::Shared)).await?;
        self.used.notify_waiters();
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
    /// of those. If there is none, the database is unavailable until the supervisor has reconnected.
    async fn connection(&self, permit: impl Future<Output = Permit>) -> Result<Connection, DatabaseError> {
        let deadline = Instant::now() + self.config.connect_timeout;
        let _waiting = metrics::Waiting::begin();
        let permit = timeout_at(deadline, permit).await.map_err(|_| DatabaseError::PoolExhausted)?;
        loop {
            let released = self.released.notified();
            let error = match self.take(deadline).await {
                Ok(object) => return Ok(Connection::new(object, self.clone(), permit)),
                Err(error) => error,
            };
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

    /// Returns once there is a connection that can be used. It does not wait in a lane: requests that wait there for a lock
    /// would keep the database unavailable for all others.
    async fn reach(&self) -> Result<(), DatabaseError> {
        self.take(Instant::now() + self.config.connect_timeout).await.map(drop)
    }

    /// Takes an idle connection from the pool, or makes one. A failure is counted.
    async fn take(&self, deadline: Instant) -> Result<Object<Connector>, DatabaseError> {
        let error = match timeout_at(deadline, self.pool.get()).await {
            Ok(Ok(object)) => return Ok(object),
            Ok(Err(PoolError::Backend(error))) => error,
            Ok(Err(PoolError::Closed)) => DatabaseError::Closed,
            Ok(Err(error)) => unreachable!("the pool has neither time-outs nor hooks: {error}"),
            Err(_) => DatabaseError::TimedOut("connecting"),
        };
        metrics::connection_failed(&error);
        Err(error)
    }

    /// Closes the idle connections, and those in use when they return: they lead to a writer that was demoted, or to a server
    /// that is gone.
    fn distrust_connections(&self) {
        self.pool.manager().distrust_connections();
        self.pool.retain(|_, _| false);
    }

    /// Asks the server to cancel a statement that no request waits for: the server would not notice by itself.
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
