//! Makes the pool's connections, and decides when one can no longer be used.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use causeway_common::tasks::Place;
use causeway_common::telemetry::chain;
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::config::{ChannelBinding, TargetSessionAttrs};
use tokio_postgres::error::SqlState;

use super::config::DatabaseConfig;
use super::credentials::{Credentials, CredentialsProvider};
use super::engine::Engine;
use super::error::DatabaseError;
use super::metrics;
use super::spans::Peer;

/// For each address. The kernel repeats a lost SYN after 1 s; after that, a new attempt is as likely to succeed.
const TCP_CONNECT_LIMIT: Duration = Duration::from_millis(1200);
/// NAT gateways and load balancers forget a connection after 350 s without a packet.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
/// A migration may take minutes without a packet; keepalive packets detect a silent network meanwhile.
const MIGRATION_KEEPALIVE: Duration = Duration::from_secs(5);

/// The server's own limit comes after ours: a cancel request usually ends the statement before that.
const STATEMENT_GRACE: Duration = Duration::from_secs(1);
/// After a refusal, while other connections work: one more attempt in this time is enough.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);

/// Makes connections with the current credentials.
pub struct Connector {
    config: Arc<DatabaseConfig>,
    credentials: Arc<CredentialsProvider>,
    trusted: Mutex<Trusted>,
    /// Attempts that have not ended.
    attempts: Arc<AtomicUsize>,
    /// A pooler between us and the server refuses `options` when a session starts.
    refuses_options: AtomicBool,
    refusal: Mutex<Option<(Instant, Arc<str>)>>,
    /// Of the newest log-in, for spans.
    peer: Mutex<Peer>,
    place: Place,
}

/// The connections that lead to the server as it is now.
struct Trusted {
    /// Those that were made before are not used again.
    since: Instant,
    /// How many are open, in use or idle.
    open: Arc<AtomicUsize>,
}

impl Trusted {
    fn from_now() -> Self {
        Self { since: Instant::now(), open: Arc::default() }
    }
}

/// What a session is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Requests,
    Migrations,
}

/// Counts a connection for as long as its driver runs, or an attempt for as long as it lasts.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Connector {
    pub(super) fn new(config: Arc<DatabaseConfig>, credentials: Arc<CredentialsProvider>, place: Place) -> Self {
        Self {
            config,
            credentials,
            trusted: Mutex::new(Trusted::from_now()),
            attempts: Arc::default(),
            refuses_options: AtomicBool::new(false),
            refusal: Mutex::default(),
            peer: Mutex::default(),
            place,
        }
    }

    /// Returns true if there is a connection, in use or idle, that can be used again.
    pub(super) fn has_connections(&self) -> bool {
        self.trusted().open.load(Relaxed) > 0
    }

    /// Lets no connection that there is now be used again. Those in use leave the pool when they return.
    pub(super) fn distrust_connections(&self) {
        *self.trusted() = Trusted::from_now();
    }

    fn trusted(&self) -> MutexGuard<'_, Trusted> {
        self.trusted.lock().expect("no holder of this lock can panic")
    }

    /// Returns true if another attempt may still make one.
    pub(super) fn has_attempts(&self) -> bool {
        self.attempts.load(Relaxed) > 0
    }

    /// Returns where statements go.
    pub(super) fn peer(&self) -> Peer {
        self.peer.lock().expect("no holder of this lock can panic").clone()
    }

    /// Makes a connection for long statements, outside of the pool. A failure is counted.
    pub(super) async fn connect_for_migrations(&self) -> Result<ClientWrapper, DatabaseError> {
        self.connect(Purpose::Migrations).await.inspect_err(metrics::connection_failed)
    }

    /// Makes a connection to a server that accepts writes. If the server refuses the credentials, they are read again and
    /// tried once more, so that a rotated secret needs no restart.
    async fn connect(&self, purpose: Purpose) -> Result<ClientWrapper, DatabaseError> {
        let credentials = self.credentials.current().await?;
        match self.log_in(&credentials, purpose).await {
            Err(DatabaseError::Connect(error)) if refuses_credentials(&error) => {
                match self.credentials.newer_than(&credentials).await? {
                    Some(newer) => self.log_in(&newer, purpose).await,
                    None => Err(DatabaseError::Connect(error)),
                }
            }
            result => result,
        }
    }

    /// Sets `statement_timeout` when the session starts, which costs no query. If a pooler refuses that, only cancel requests
    /// limit statements.
    async fn log_in(&self, credentials: &Credentials, purpose: Purpose) -> Result<ClientWrapper, DatabaseError> {
        *self.peer.lock().expect("no holder of this lock can panic") = credentials.into();
        let driver = driver_config(&self.config, credentials);
        if purpose == Purpose::Migrations {
            return self.open(&for_migrations(driver)).await;
        }
        // DSQL knows no such setting. It ends a transaction after five minutes.
        if self.config.engine == Engine::Dsql || self.refuses_options.load(Relaxed) {
            return self.open(&driver).await;
        }
        let mut limited = driver.clone();
        let limit = (self.config.query_timeout + STATEMENT_GRACE).as_millis();
        limited.options(format!("-c statement_timeout={limit}"));
        match self.open(&limited).await {
            Err(DatabaseError::Connect(error)) if refuses_options(&error) => {
                let client = self.open(&driver).await?;
                if !self.refuses_options.swap(true, Relaxed) {
                    tracing::warn!(
                        "a pooler refuses statement_timeout when a session starts; only cancel requests limit statements"
                    );
                }
                Ok(client)
            }
            result => result,
        }
    }

    async fn open(&self, driver: &tokio_postgres::Config) -> Result<ClientWrapper, DatabaseError> {
        let mut driver = driver.clone();
        if self.config.requires_channel_binding {
            driver.channel_binding(ChannelBinding::Require);
        }
        // On the runtime of the batch loops: their statements then cross no thread, which costs up to 50 µs each time.
        let runtime = self.place.runtime();
        let tls = self.config.tls.connector.clone();
        // Dropping the set ends the attempt.
        let mut attempt = JoinSet::new();
        attempt.spawn_on(async move { driver.connect(tls).await }, &runtime);
        // The driver's own time-out covers only TCP: a server that accepts and stays silent would block without end.
        let (client, connection) = timeout(self.config.connect_timeout, attempt.join_next())
            .await
            .map_err(|_| DatabaseError::TimedOut("connecting"))?
            // The runtime ends while this process stops.
            .and_then(Result::ok)
            .ok_or(DatabaseError::Closed)?
            .map_err(DatabaseError::Connect)?;
        let open = Counted::new(&self.trusted().open);
        let task = runtime.spawn(async move {
            let _open = open;
            if let Err(error) = connection.await {
                tracing::debug!(error = chain(&error), "a database connection ended");
            }
        });
        Ok(ClientWrapper::new(client, task))
    }

    /// While other connections work and the server has just refused one more, fails without asking it again.
    pub(super) fn respect_refusal(&self) -> Result<(), DatabaseError> {
        let refusal = self.refusal.lock().expect("no holder of this lock can panic");
        match &*refusal {
            Some((since, cause)) if self.has_connections() && since.elapsed() < REFUSAL_PAUSE => {
                Err(DatabaseError::RefusedBefore(cause.clone()))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the settings of every connection to the database.
pub fn driver_config(config: &DatabaseConfig, credentials: &Credentials) -> tokio_postgres::Config {
    let mut driver = tokio_postgres::Config::new();
    driver
        .host(&credentials.host)
        .port(credentials.port)
        .dbname(&credentials.name)
        .user(&credentials.user)
        .application_name("causeway-frontend-api")
        .ssl_mode(config.tls.mode.for_driver())
        .target_session_attrs(match config.engine {
            // A writer that was demoted refuses us here instead of failing every insert.
            Engine::Postgres => TargetSessionAttrs::ReadWrite,
            // Every server of it takes writes.
            Engine::Dsql => TargetSessionAttrs::Any,
        })
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

/// Returns the settings of a connection whose statements may take minutes.
pub(super) fn for_migrations(mut driver: tokio_postgres::Config) -> tokio_postgres::Config {
    driver.keepalives_idle(MIGRATION_KEEPALIVE).keepalives_interval(MIGRATION_KEEPALIVE);
    driver
}

/// 28P01 and 28000: wrong or outdated password, unknown user, no `pg_hba` entry.
fn refuses_credentials(error: &tokio_postgres::Error) -> bool {
    let code = error.code();
    code == Some(&SqlState::INVALID_PASSWORD) || code == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// `PgBouncer` answers 08P01, RDS Proxy 0A000.
fn refuses_options(error: &tokio_postgres::Error) -> bool {
    let code = error.code();
    code == Some(&SqlState::PROTOCOL_VIOLATION) || code == Some(&SqlState::FEATURE_NOT_SUPPORTED)
}

impl Manager for Connector {
    type Type = ClientWrapper;
    type Error = DatabaseError;

    async fn create(&self) -> Result<ClientWrapper, DatabaseError> {
        self.respect_refusal()?;
        let attempt = Counted::new(&self.attempts);
        // On the heap: the pool polls this inside the future of every query, where it is almost never needed.
        let result = Box::pin(self.connect(Purpose::Requests)).await;
        drop(attempt);
        let refusal = result.as_ref().err().map(|error| (Instant::now(), chain(error).into()));
        *self.refusal.lock().expect("no holder of this lock can panic") = refusal;
        result
    }

    async fn recycle(&self, client: &mut ClientWrapper, metrics: &Metrics) -> RecycleResult<DatabaseError> {
        if client.is_closed() {
            return Err(RecycleError::message("the connection is closed"));
        }
        if metrics.created <= self.trusted().since {
            return Err(RecycleError::message("the connection was made before the server changed"));
        }
        if metrics.age() > self.config.max_lifetime {
            return Err(RecycleError::message("the connection is past DB_MAX_LIFETIME_MS"));
        }
        Ok(())
    }
}
