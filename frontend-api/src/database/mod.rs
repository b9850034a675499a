//! The connection to PostgreSQL: configuration, credentials, TLS, pool, migrations, and whether it is available.
//!
//! Features ask [`Database::connection`] for a connection and hand every error to [`Connection::release`]. A background
//! task ([`supervisor`]) brings the database up, notices that it is gone, and brings it up again; meanwhile requests are
//! refused at once instead of waiting for a connection that will not come.

mod availability;
mod config;
mod connector;
mod credentials;
mod error;
mod migrations;
mod secret;
mod secrets_manager;
pub mod supervisor;
mod tls;
mod url;

use std::sync::Arc;

use deadpool::managed::{Object, Pool};
use deadpool_postgres::ClientWrapper;
use tokio::time::timeout;

pub use self::availability::Availability;
pub use self::config::{DatabaseConfig, TableName, parse_port};
pub use self::connector::{Connector, driver_config};
pub use self::credentials::{Credentials, CredentialsError, CredentialsProvider, CredentialsSource};
pub use self::error::{DATABASE_UNAVAILABLE, DatabaseError};
pub use self::secret::SecretProblem;
pub use self::secrets_manager::SecretsManager;
pub use self::tls::SslMode;

/// The pool and what is known of the server behind it. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    config: Arc<DatabaseConfig>,
    pool: Pool<Connector>,
    availability: Arc<Availability>,
}

impl Database {
    /// A pool that has not connected yet; [`supervisor::run`] does.
    pub fn new(config: Arc<DatabaseConfig>, credentials: Arc<CredentialsProvider>) -> Self {
        let connector = Connector::new(config.clone(), credentials);
        let pool = Pool::builder(connector)
            .max_size(config.pool_size)
            .build()
            .expect("a pool without time-outs of its own needs no runtime and can always be built");
        Self { config, pool, availability: Arc::default() }
    }

    /// The limits and names that queries need.
    pub fn config(&self) -> &DatabaseConfig {
        &self.config
    }

    /// Whether requests may use the database now.
    pub fn availability(&self) -> &Availability {
        &self.availability
    }

    /// A connection of the pool, made anew if need be, within `DB_CONNECT_TIMEOUT_MS`.
    ///
    /// # Errors
    /// When no connection can be made or none gets free in time. A failure to connect makes the database unavailable
    /// until the supervisor has reached it again.
    pub async fn connection(&self) -> Result<Connection, DatabaseError> {
        use deadpool::managed::PoolError;
        let error = match timeout(self.config.connect_timeout, self.pool.get()).await {
            Ok(Ok(object)) => return Ok(Connection { object, database: self.clone() }),
            Ok(Err(PoolError::Backend(error))) => error,
            Ok(Err(PoolError::Closed)) => DatabaseError::Closed,
            Ok(Err(error)) => unreachable!("the pool has neither time-outs nor hooks: {error}"),
            Err(_) if self.pool.status().size >= self.config.pool_size => return Err(DatabaseError::PoolExhausted),
            Err(_) => DatabaseError::TimedOut("connecting"),
        };
        self.availability.lost(&error);
        Err(error)
    }
}

/// A connection on loan from the pool.
pub struct Connection {
    object: Object<Connector>,
    database: Database,
}

impl std::ops::Deref for Connection {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.object
    }
}

impl Connection {
    /// Runs `query` within `DB_QUERY_TIMEOUT_MS`, and gives the connection back to the pool unless the error says that
    /// it is not fit for further use.
    ///
    /// # Errors
    /// The query's, or that it took too long; whether it took effect is then unknown.
    pub async fn run<T>(
        self,
        query: impl AsyncFnOnce(&ClientWrapper) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, DatabaseError> {
        let limit = self.database.config.query_timeout;
        let result = match timeout(limit, query(&self.object)).await {
            Ok(result) => result.map_err(DatabaseError::Query),
            Err(_) => Err(DatabaseError::TimedOut("the query")),
        };
        if let Err(error) = &result {
            self.discard_after(error);
        }
        result
    }

    fn discard_after(self, error: &DatabaseError) {
        if error.spoils_server() {
            // Its other connections lead to the same place: a writer that was demoted, or a server that is gone.
            self.database.pool.retain(|_, _| false);
        }
        if error.spoils_connection() {
            drop(Object::take(self.object));
        }
    }
}
