//! Whether the database can be used now: requests read it, and the supervisor updates it.

use std::sync::Arc;
use std::time::Instant;

use causeway_common::telemetry::chain;
use tokio::sync::watch;

use super::error::DatabaseError;

/// Starts as "not yet".
pub struct Availability(watch::Sender<State>);

#[derive(Clone)]
enum State {
    /// The first attempt to reach it has not ended.
    Starting,
    /// Since then.
    Available(Instant),
    Unavailable(Loss),
}

/// Why the database can't be used.
#[derive(Debug, Clone)]
pub struct Loss {
    /// The error and its causes.
    pub cause: Arc<str>,
    /// The database can be reached, but its tables can't be made.
    pub by_migration: bool,
}

impl Default for Availability {
    fn default() -> Self {
        Self(watch::Sender::new(State::Starting))
    }
}

impl Availability {
    /// # Errors
    /// Why the database can't be used: [`DatabaseError::Unavailable`].
    pub fn check(&self) -> Result<(), DatabaseError> {
        match &*self.0.borrow() {
            State::Starting => Err(DatabaseError::Unavailable("the first connection is being made".into())),
            State::Available(_) => Ok(()),
            State::Unavailable(loss) => Err(DatabaseError::Unavailable(loss.cause.clone())),
        }
    }

    /// As [`Self::check`], but lets the first connection be waited for.
    ///
    /// # Errors
    /// Why the database can't be used: [`DatabaseError::Unavailable`].
    pub(super) fn check_loss(&self) -> Result<(), DatabaseError> {
        self.loss().map_or(Ok(()), |loss| Err(DatabaseError::Unavailable(loss.cause)))
    }

    /// Returns why the database can't be used, if an attempt to reach it has failed.
    pub fn loss(&self) -> Option<Loss> {
        match &*self.0.borrow() {
            State::Unavailable(loss) => Some(loss.clone()),
            State::Starting | State::Available(_) => None,
        }
    }

    /// Returns since when the database can be used.
    pub fn available_since(&self) -> Option<Instant> {
        match &*self.0.borrow() {
            State::Available(since) => Some(*since),
            State::Starting | State::Unavailable(_) => None,
        }
    }

    /// A connection could be made and the tables are there.
    pub(super) fn gained(&self) {
        let changed = self.0.send_if_modified(|state| {
            let changed = !matches!(state, State::Available(_));
            if changed {
                *state = State::Available(Instant::now());
            }
            changed
        });
        if changed {
            tracing::info!("the database is available");
        }
    }

    /// A connection could not be made.
    pub(super) fn lost(&self, error: &DatabaseError) {
        let cause = chain(error);
        let changed = self.0.send_if_modified(|state| {
            let changed = !matches!(state, State::Unavailable(_));
            *state = State::Unavailable(Loss { cause: cause.as_str().into(), by_migration: error.is_of_migration() });
            changed
        });
        if changed {
            tracing::error!(cause, "the database is not available");
        }
    }

    /// Resolves when the first attempt has ended and requests may (`true`) or may not (`false`) use the database.
    pub async fn until(&self, available: bool) {
        let reached = |state: &State| match state {
            State::Starting => false,
            State::Available(_) => available,
            State::Unavailable(_) => !available,
        };
        // The sender is `self`, so the channel can't be closed while we wait.
        let _ = self.0.subscribe().wait_for(reached).await;
    }

    /// Resolves when the first attempt has ended.
    pub async fn until_known(&self) {
        let _ = self.0.subscribe().wait_for(|state| !matches!(state, State::Starting)).await;
    }
}
