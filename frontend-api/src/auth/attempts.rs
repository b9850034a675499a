//! Limits attempts to sign in or up. The database counts them, so that all instances see the same numbers.
//!
//! An attempt is counted before its password is hashed, and given back if it succeeds: of forty concurrent guesses, no more
//! are checked than of forty in a row. An attempt that is refused does not count.

use std::borrow::Cow;
use std::time::Duration;

use causeway_common::http::problem::{Failure, Kind};

use super::client::Client;
use super::config::AttemptLimits;
use super::counter::{Counter, Success};
use super::error::TOO_MANY_ATTEMPTS;
use super::store::{self, Count};
use crate::database::{Database, DatabaseError, Key, Lane, Queries};

const QUARTER: Duration = Duration::from_secs(15 * 60);
const HOUR: Duration = Duration::from_secs(3600);
const HASHING: Duration = Duration::from_secs(5 * 60);

/// Counts attempts.
pub struct Attempts {
    database: Database,
    limits: AttemptLimits,
}

/// Why an attempt was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// A limit is reached. The next attempt is accepted after this time.
    #[error("a limit on attempts is reached")]
    Limited(Duration),
    /// They can't be counted.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Attempts {
    pub(super) fn new(limits: &AttemptLimits, database: Database) -> Self {
        Self { database, limits: limits.clone() }
    }

    /// Returns the counters of an attempt to sign in. They are the same for accounts that do not exist.
    pub fn of_sign_in(&self, email: &str, client: &Client) -> Vec<Counter> {
        let (email, network) = (email.to_ascii_lowercase(), client.network().to_string());
        let limits = &self.limits;
        vec![
            Counter::new(&["pair", &email, &network], limits.failures_per_pair, QUARTER, Success::Clears),
            Counter::new(&["address", &network], limits.failures_per_address, QUARTER, Success::GivesBack),
            Counter::new(&["account", &email], limits.failures_per_account, HOUR, Success::GivesBack),
            self.hashing(&network),
        ]
    }

    /// Returns the counters of an attempt to sign up.
    pub fn of_sign_up(&self, client: &Client) -> Vec<Counter> {
        let network = client.network().to_string();
        let sign_ups = Counter::new(&["sign-up", &network], self.limits.sign_ups_per_address, HOUR, Success::Counts);
        vec![sign_ups, self.hashing(&network)]
    }

    fn hashing(&self, network: &str) -> Counter {
        Counter::new(&["hash", network], self.limits.hashes_per_address, HASHING, Success::Counts)
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

    /// Gives back an attempt whose password was not checked.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn withdraw(&self, counters: &[Counter]) -> Result<(), DatabaseError> {
        let keys = || counters.iter().map(|counter| Key(&counter.key)).collect();
        self.database.run(Lane::Shared, async |connection| store::give_back(connection, keys(), Vec::new()).await).await
    }

    /// Gives back an attempt that succeeded.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn succeeded(&self, queries: &impl Queries, counters: &[Counter]) -> Result<(), DatabaseError> {
        let keys = |success| counters.iter().filter(move |c| c.success == success).map(|c| Key(&c.key)).collect();
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
