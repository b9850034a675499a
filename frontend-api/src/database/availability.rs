//! Whether the database can be used now: one word that requests read and the supervisor keeps true.

use std::sync::Arc;

use causeway_common::error::chain;
use tokio::sync::watch;

use super::error::DatabaseError;

/// Starts as "not yet".
pub struct Availability(watch::Sender<State>);

#[derive(Clone)]
enum State {
    Available,
    Unavailable { since: Arc<str> },
}

impl Default for Availability {
    fn default() -> Self {
        Self(watch::Sender::new(State::Unavailable { since: "starting".into() }))
    }
}

impl Availability {
    /// # Errors
    /// Why the database can't be used: [`DatabaseError::Unavailable`].
    pub fn check(&self) -> Result<(), DatabaseError> {
        match &*self.0.borrow() {
            State::Available => Ok(()),
            State::Unavailable { since } => Err(DatabaseError::Unavailable(since.clone())),
        }
    }

    /// A connection could be made and the tables are there.
    pub(super) fn gained(&self) {
        if self.check().is_err() {
            tracing::info!("the database is available");
        }
        self.0.send_replace(State::Available);
    }

    /// A connection could not be made.
    pub(super) fn lost(&self, error: &DatabaseError) {
        let cause = chain(error);
        let changed = self.0.send_if_modified(|state| {
            let was_available = matches!(state, State::Available);
            *state = State::Unavailable { since: cause.as_str().into() };
            was_available
        });
        if changed {
            tracing::error!(cause, "the database is not available");
        }
    }

    /// Resolves when the database is not available.
    pub(super) async fn until_lost(&self) {
        let lost = |state: &State| matches!(state, State::Unavailable { .. });
        // The sender is `self`, so the channel can't be closed while we wait.
        let _ = self.0.subscribe().wait_for(lost).await;
    }
}
