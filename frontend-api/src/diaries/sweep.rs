//! Removes what is no longer needed: what deleted accounts leave, pictures without a diary, diaries that were deleted 30 days ago,
//! expired sessions, counts of attempts and idempotency keys.
//!
//! It never wakes a database that pauses: it runs after a request has used the database, once an hour at most, and at
//! once when an account was deleted. One instance runs it at a time, by a lease. Two at once would do no harm: each step
//! can be repeated.

use std::sync::Arc;
use std::time::Duration;

use causeway_common::telemetry::chain;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::error::DiaryError;
use super::pictures;
use crate::auth::Auth;
use crate::aws::s3::S3;
use crate::database::{Connection, Database, DatabaseError, Lane, Queries, Renewal};

const PAUSE: Duration = Duration::from_secs(3600);
/// After a sweep that failed, or while another instance sweeps.
const SOON: Duration = Duration::from_secs(30);
/// Rows of one statement, so that none holds locks for long.
const PIECE: i64 = 100;

/// The lease of the instance that sweeps.
const SWEEP: &str = "sweep";
/// The lease that says that there was a sweep within the hour.
const HOURLY: &str = "sweep of the hour";
/// Rows that are to be removed, in pieces.
const EXPIRED: [&str; 5] = [
    "DELETE FROM diaries WHERE (user_id, id) IN (SELECT user_id, id FROM diaries \
         WHERE user_id IN (SELECT id FROM users WHERE deleted_at IS NOT NULL) LIMIT $1)",
    "DELETE FROM idempotency_keys WHERE (user_id, key) IN (SELECT user_id, key FROM idempotency_keys \
         WHERE user_id IN (SELECT id FROM users WHERE deleted_at IS NOT NULL) LIMIT $1)",
    // A request that was under way when the account was deleted may have written one more diary.
    "DELETE FROM users WHERE id IN (SELECT id FROM users WHERE deleted_at IS NOT NULL \
         AND NOT EXISTS (SELECT FROM diaries WHERE diaries.user_id = users.id) LIMIT $1)",
    "DELETE FROM idempotency_keys WHERE (user_id, key) IN ( \
         SELECT user_id, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours' LIMIT $1)",
    // The outer condition is tested again if a diary is restored meanwhile.
    "DELETE FROM diaries WHERE deleted_at < now() - interval '30 days' AND (user_id, id) IN ( \
         SELECT user_id, id FROM diaries WHERE deleted_at < now() - interval '30 days' LIMIT $1)",
];

/// What a sweep needs.
struct Sweep {
    database: Database,
    auth: Arc<Auth>,
    s3: Option<Arc<S3>>,
}

/// Why it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// The database was used.
    Used,
    /// A user was deleted.
    Deleted,
    /// The last sweep did not end, or another instance was at work.
    Again,
}

/// Runs until the process stops.
pub(super) async fn run(database: Database, auth: Arc<Auth>, s3: Option<Arc<S3>>, deleted: Arc<Notify>) {
    let sweep = Sweep { database, auth, s3 };
    let mut reason = sweep.wait(&deleted, Duration::ZERO).await;
    loop {
        reason = match sweep.once(reason).await {
            Ok(true) => sweep.wait(&deleted, PAUSE).await,
            // Another instance is at work, perhaps since before the deletion. Its lease ends soon.
            Ok(false) => {
                sleep(SOON).await;
                Reason::Again
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "the sweep failed and goes on when the database is used again");
                sweep.wait(&deleted, SOON).await;
                Reason::Again
            }
        };
    }
}

impl Sweep {
    /// Waits until the database is used after a pause, or until a user was deleted.
    async fn wait(&self, deleted: &Notify, pause: Duration) -> Reason {
        let used = async {
            sleep(pause).await;
            // A use of a while ago does not count: the database may pause by now.
            self.database.used_again().await;
        };
        tokio::select! {
            () = used => Reason::Used,
            () = deleted.notified() => Reason::Deleted,
        }
    }

    /// Sweeps, unless another instance does or did within the hour. Returns false if another one is at work.
    async fn once(&self, reason: Reason) -> Result<bool, DiaryError> {
        if reason == Reason::Used && !self.database.lease(HOURLY, PAUSE, Renewal::Refused).await? {
            return Ok(true);
        }
        if !self.keep_lease().await? {
            return Ok(false);
        }
        let result = self.everything().await;
        if let Err(error) = self.database.end_lease(SWEEP).await {
            tracing::debug!(error = chain(&error), "the lease of the sweep ends by itself");
        }
        result.map(|()| true)
    }

    async fn everything(&self) -> Result<(), DiaryError> {
        self.auth.remove_expired().await?;
        for sql in EXPIRED {
            let piece = async |connection: &Connection| connection.execute(sql, &[&PIECE]).await;
            while self.database.run(Lane::Shared, piece).await? == PIECE.unsigned_abs() {
                self.keep_lease().await?;
            }
        }
        let Some(s3) = &self.s3 else { return Ok(()) };
        self.remove_pictures(s3).await
    }

    /// Removes each object before its row, so that no object is without one.
    async fn remove_pictures(&self, s3: &S3) -> Result<(), DiaryError> {
        loop {
            let take = async |connection: &_| pictures::take_unwanted(connection, PIECE).await;
            let keys = self.database.run(Lane::Shared, take).await?;
            if keys.is_empty() {
                return Ok(());
            }
            for key in &keys {
                s3.delete(key).await?;
                let forget = async |connection: &_| pictures::forget(connection, key).await;
                self.database.run(Lane::Shared, forget).await?;
            }
            tracing::info!(pictures = keys.len(), "the sweep removed pictures");
            self.keep_lease().await?;
        }
    }

    /// Takes or keeps the lease of the running sweep. Returns false if another instance has it.
    async fn keep_lease(&self) -> Result<bool, DatabaseError> {
        self.database.lease(SWEEP, 2 * SOON, Renewal::Allowed).await
    }
}
