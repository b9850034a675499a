//! Removes what is no longer needed: pictures without a diary, diaries that were deleted 30 days ago, expired sessions, counts of
//! attempts and idempotency keys.
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
use crate::database::{Database, DatabaseError, Lane, Queries};

const PAUSE: Duration = Duration::from_secs(3600);
/// After a sweep that failed, or while another instance sweeps.
const SOON: Duration = Duration::from_secs(30);
/// Rows of one statement, so that none holds locks for long.
const PIECE: i64 = 100;

/// Rows that are to be removed, in pieces.
const EXPIRED: [&str; 2] = [
    "DELETE FROM idempotency_keys WHERE (user_id, key) IN ( \
         SELECT user_id, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours' LIMIT $1)",
    "DELETE FROM diaries WHERE (user_id, id) IN ( \
         SELECT user_id, id FROM diaries WHERE deleted_at < now() - interval '30 days' LIMIT $1)",
];

/// What a sweep needs.
struct Sweep {
    database: Database,
    auth: Arc<Auth>,
    s3: Option<Arc<S3>>,
    /// Of the leases.
    holder: String,
}

/// Why it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// The database was used.
    Used,
    /// A user was deleted.
    Deleted,
}

/// Runs until the process stops.
pub(super) async fn run(database: Database, auth: Arc<Auth>, s3: Option<Arc<S3>>, deleted: Arc<Notify>) {
    let sweep = Sweep { database, auth, s3, holder: super::random_text() };
    let mut reason = sweep.wait(&deleted, Duration::ZERO).await;
    loop {
        reason = match sweep.once(reason).await {
            Ok(true) => sweep.wait(&deleted, PAUSE).await,
            // Another instance is at work, perhaps since before the deletion. Its lease ends soon.
            Ok(false) => {
                sleep(SOON).await;
                reason
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "the sweep failed and goes on when the database is used again");
                sweep.wait(&deleted, SOON).await
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
        if reason == Reason::Used && !self.lease("sweep of the hour", PAUSE).await? {
            return Ok(true);
        }
        if !self.lease("sweep", 2 * SOON).await? {
            return Ok(false);
        }
        let result = self.everything().await;
        self.release("sweep").await?;
        if result.is_err() {
            self.release("sweep of the hour").await?;
        }
        result.map(|()| true)
    }

    async fn everything(&self) -> Result<(), DiaryError> {
        self.auth.remove_expired().await?;
        for sql in EXPIRED {
            let piece = async |connection: &_| execute(connection, sql).await;
            while self.database.run(Lane::Shared, piece).await? == PIECE.unsigned_abs() {
                self.lease("sweep", 2 * SOON).await?;
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
            self.lease("sweep", 2 * SOON).await?;
        }
    }

    /// Takes or keeps a lease. Returns false if another instance has it.
    async fn lease(&self, name: &str, time: Duration) -> Result<bool, DatabaseError> {
        let take = async |connection: &_| take_lease(connection, name, &self.holder, time).await;
        Ok(self.database.run(Lane::Shared, take).await? == 1)
    }

    /// Ends a lease, so that the next sweep need not wait for its end.
    async fn release(&self, name: &str) -> Result<(), DatabaseError> {
        let release = async |connection: &_| delete_lease(connection, name, &self.holder).await;
        self.database.run(Lane::Shared, release).await.map(drop)
    }
}

async fn execute(queries: &impl Queries, sql: &str) -> Result<u64, DatabaseError> {
    queries.execute(sql, &[&PIECE]).await
}

async fn take_lease(queries: &impl Queries, name: &str, holder: &str, time: Duration) -> Result<u64, DatabaseError> {
    let sql = "INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, now() + $3 * interval '1 second') \
               ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at \
               WHERE leases.expires_at < now() OR (leases.holder = excluded.holder AND leases.name = 'sweep')";
    queries.execute(sql, &[&name, &holder, &time.as_secs_f64()]).await
}

/// Leaves the lease alone if it has ended and another instance has taken it.
async fn delete_lease(queries: &impl Queries, name: &str, holder: &str) -> Result<u64, DatabaseError> {
    queries.execute("DELETE FROM leases WHERE name = $1 AND holder = $2", &[&name, &holder]).await
}
