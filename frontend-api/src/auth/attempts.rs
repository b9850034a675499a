//! How often one may try to sign in or up. Counted in the database, so that all instances see the same numbers.
//!
//! An attempt is counted before its password is hashed, and given back if it succeeds: of forty guesses at once, no more are
//! checked than of forty in a row. An attempt that is refused counts nowhere.

use std::borrow::Cow;
use std::time::Duration;

use causeway_common::http::problem::{Failure, Kind};

use super::client::Client;
use super::config::AuthConfig;
use super::counter::{Counter, Success};
use super::error::TOO_MANY_ATTEMPTS;
use super::store::{self, Count};
use crate::database::{Database, DatabaseError, Lane, Queries};

const QUARTER: Duration = Duration::from_secs(15 * 60);
const HOUR: Duration = Duration::from_secs(3600);
const HASHING: Duration = Duration::from_secs(5 * 60);

/// Counts attempts.
pub struct Attempts {
    database: Database,
    config: AuthConfig,
}

/// Why an attempt was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// A limit is reached until then.
    #[error("a limit on attempts is reached")]
    Limited(Duration),
    /// They can't be counted.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Attempts {
    pub(super) fn new(config: &AuthConfig, database: Database) -> Self {
        Self { database, config: config.clone() }
    }

    /// What an attempt to sign in counts for. Accounts that do not exist count alike.
    pub fn of_sign_in(&self, email: &str, client: &Client) -> Vec<Counter> {
        let (email, network) = (email.to_ascii_lowercase(), client.network().to_string());
        let config = &self.config;
        vec![
            Counter::new(&["pair", &email, &network], config.failures_per_pair, QUARTER, Success::Clears),
            Counter::new(&["address", &network], config.failures_per_address, QUARTER, Success::GivesBack),
            Counter::new(&["account", &email], config.failures_per_account, HOUR, Success::GivesBack),
            self.hashing(&network),
        ]
    }

    /// What an attempt to sign up counts for.
    pub fn of_sign_up(&self, client: &Client) -> Vec<Counter> {
        let network = client.network().to_string();
        let sign_ups = Counter::new(&["sign-up", &network], self.config.sign_ups_per_address, HOUR, Success::Counts);
        vec![sign_ups, self.hashing(&network)]
    }

    fn hashing(&self, network: &str) -> Counter {
        Counter::new(&["hash", network], self.config.hashes_per_address, HASHING, Success::Counts)
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// If one of the counters has reached its limit; then none has counted.
    pub async fn count(&self, counters: &[Counter], client: &Client) -> Result<(), AttemptError> {
        let counted = self
            .database
            .repeating(async |transaction| {
                let counts = store::count(transaction, counters).await?;
                let full = |count: &Count| counters.iter().any(|c| c.key == count.key && count.n > c.most);
                let wait = counts.iter().filter(|count| full(count)).map(|count| count.ends_in).max();
                wait.map_or(Ok(()), |wait| Err(AttemptError::Limited(wait)))
            })
            .await;
        if matches!(counted, Err(AttemptError::Limited(_))) {
            client.note("limited", None);
        }
        counted
    }

    /// Gives an attempt back of which nothing was checked.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn withdraw(&self, counters: &[Counter]) -> Result<(), DatabaseError> {
        let keys = || counters.iter().map(|counter| &counter.key[..]).collect();
        self.database.run(Lane::Shared, async |connection| store::give_back(connection, keys(), Vec::new()).await).await
    }

    /// Gives an attempt back that has succeeded.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn succeeded(&self, queries: &impl Queries, counters: &[Counter]) -> Result<(), DatabaseError> {
        let keys = |success| counters.iter().filter(move |c| c.success == success).map(|c| &c.key[..]).collect();
        store::give_back(queries, keys(Success::GivesBack), keys(Success::Clears)).await
    }
}

impl Failure for AttemptError {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::Limited(_) => &TOO_MANY_ATTEMPTS,
            Self::Database(error) => error.kind(),
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        match self {
            Self::Limited(wait) => format!("Too many attempts; try again in {} s.", wait.as_secs().max(1)).into(),
            Self::Database(error) => error.detail(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Limited(wait) => Some(*wait),
            Self::Database(error) => error.retry_after(),
        }
    }
}
