//! Identifies the sender of a request by its session. Users, sessions, diaries and pages use it.
//!
//! A handler's parameters say who may call it: [`Session`] requires a signed-in user, [`Caller`] also accepts the bearer of
//! `ADMIN_TOKEN`. Every request looks up its session, in one query for all that wait. Nothing is cached, so that the next
//! request of an ended session is rejected.

mod attempts;
mod client;
mod config;
pub mod cookie;
mod counter;
pub mod cross_site;
mod described;
mod error;
mod extract;
mod id;
mod look_up;
mod migrations;
mod seen;
mod store;
mod token;

use std::sync::Arc;

use causeway_common::tasks::Tasks;
use causeway_common::telemetry::{metrics, trace};

pub use self::attempts::{AttemptError, Attempts};
pub use self::client::Client;
pub use self::config::AuthConfig;
pub use self::counter::Counter;
pub use self::described::{OwnChanged, OwnShown};
pub use self::error::{KINDS, NOT_SIGNED_IN};
pub use self::extract::{Caller, PresentedCookie, Session, Via};
pub use self::id::{DiaryId, SessionId, UserId};
pub use self::migrations::migrations;
use self::store::{Found, Store};
pub use self::store::{Listed, Opened};
pub use self::token::TokenHash;
use crate::batch::{self, Batcher, Unread};
use crate::database::{Database, DatabaseError, Lane, Queries};

type LookUpError = Unread<Arc<DatabaseError>>;

/// The sessions, and the limits on signing in.
pub struct Auth {
    database: Database,
    store: Store,
    look_ups: Batcher<TokenHash, Option<Found>, Arc<DatabaseError>>,
    /// The limits on attempts to sign in.
    pub attempts: Attempts,
}

impl Auth {
    /// Adds to `tasks` the loop that looks sessions up and the one that writes when they were last seen. `queue` and
    /// `patience` bound the requests that wait for the first.
    pub fn new(
        config: &AuthConfig,
        (queue, patience): (usize, std::time::Duration),
        database: &Database,
        tasks: &mut Tasks,
    ) -> Self {
        let store = Store::new(&config.sessions);
        let (look_ups, inbox) = batch::paced(queue, patience);
        let (seen, used) = seen::channel();
        tasks.serve("look-ups of sessions", look_up::run(database.clone(), store.clone(), inbox, seen));
        tasks.spawn("last use of sessions", seen::run(database.clone(), used));
        let attempts = Attempts::new(&config.attempts, database.clone());
        Self { database: database.clone(), store, look_ups, attempts }
    }

    /// Registers the metrics. Call it once.
    pub fn register_metrics(&self) {
        let length = self.look_ups.length();
        metrics::counted_gauge("session_look_ups_queue_length", "Requests whose session is looked up", length);
    }

    /// Returns the session that this token belongs to, unless it has ended.
    async fn look_up(&self, token: TokenHash) -> Result<Option<Found>, LookUpError> {
        self.database.availability().check().map_err(|error| Unread::Failed(Arc::new(error)))?;
        Ok(self.look_ups.submit(token, trace::current()).await?)
    }

    /// Opens a session for `user`. The oldest one ends if there are too many. The caller must have locked the user's row.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open(
        &self,
        queries: &impl Queries,
        user: UserId,
        user_agent: Option<&str>,
    ) -> Result<Opened, DatabaseError> {
        self.store.open(queries, user, user_agent).await
    }

    /// Returns the sessions of `user` that have not ended, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<Listed>, DatabaseError> {
        self.database.run(Lane::Shared, async |connection| self.store.list(connection, user).await).await
    }

    /// Ends one session of `user`. Returns false if there is none with this id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end(&self, user: UserId, id: SessionId) -> Result<bool, DatabaseError> {
        self.database.run(Lane::Shared, async |connection| store::end(connection, user, id).await).await
    }

    /// Ends all sessions of `user` but this one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_others(&self, user: UserId, kept: SessionId) -> Result<u64, DatabaseError> {
        self.database.run(Lane::Shared, async |connection| store::end_others(connection, user, kept).await).await
    }

    /// Ends all sessions of `user`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_all(&self, queries: &impl Queries, user: UserId) -> Result<u64, DatabaseError> {
        store::end_all(queries, user).await
    }

    /// Ends the session that this token belongs to, whichever user has it, and returns that user.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_presented(
        &self,
        queries: &impl Queries,
        token: TokenHash,
    ) -> Result<Option<UserId>, DatabaseError> {
        store::end_presented(queries, token).await
    }

    /// Removes what has expired: sessions, and counts of attempts.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn remove_expired(&self) -> Result<u64, DatabaseError> {
        self.database.run(Lane::Shared, async |connection| self.store.remove_expired(connection).await).await
    }
}
