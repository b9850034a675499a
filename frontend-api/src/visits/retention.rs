//! Removes visits that are older than `VISITS_RETENTION_DAYS`.
//!
//! It never wakes a database that pauses: it runs after a request has used the database. One instance removes at a time, by
//! a lease, in transactions of [`PIECE`] rows, and rests between two of them for [`REST`] times as long as the first one
//! took. So requests find the database busy with it a tenth of the time at most, on one connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_common::telemetry::chain;
use tokio::time::sleep;

use super::metrics;
use super::table::TableName;
use crate::database::{Connection, Database, DatabaseError, Lane, Queries, Renewal};

/// Rows of one transaction, which is also the most that Aurora DSQL takes.
const PIECE: i64 = 3000;
/// So more visits are removed than a busy service records; with a rest as long as the transaction it was ten times as many.
const REST: u32 = 9;
/// A slow transaction must not make the rest outlast the lease.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Between two runs.
const PAUSE: Duration = Duration::from_secs(300);
/// After a failed run.
const SOON: Duration = Duration::from_secs(30);
/// Longer than a usual transaction with its rest. Two instances at once would do no harm.
const LEASE: Duration = Duration::from_secs(120);

/// What a run needs.
pub(super) struct Retention {
    database: Database,
    days: i32,
    sql: Arc<str>,
    lease: String,
}

impl Retention {
    pub(super) fn new(database: Database, table: &TableName, days: u32) -> Self {
        // The table has no key. A row's place does not change, because nothing updates visits.
        let sql = format!(
            "DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} \
             WHERE last_update < (now() AT TIME ZONE 'utc') - make_interval(days => $1) ORDER BY last_update LIMIT {PIECE}))"
        );
        Self {
            database,
            days: i32::try_from(days).unwrap_or(i32::MAX),
            sql: sql.into(),
            lease: format!("retention of {table}"),
        }
    }

    /// Runs until the process stops.
    pub(super) async fn run(self) {
        loop {
            self.database.used_again().await;
            let pause = match self.once().await {
                Ok(()) => PAUSE,
                Err(error) => {
                    tracing::warn!(
                        cause = chain(&error),
                        "old visits were not removed; the next request starts it again"
                    );
                    SOON
                }
            };
            sleep(pause).await;
        }
    }

    async fn once(&self) -> Result<(), DatabaseError> {
        let mut removed = 0;
        let mut is_done = false;
        while !is_done {
            if !self.database.lease(&self.lease, LEASE, Renewal::Allowed).await? {
                tracing::debug!("another instance removes old visits");
                return Ok(());
            }
            let begun = Instant::now();
            let piece = async |connection: &Connection| connection.execute(&self.sql, &[&self.days]).await;
            let rows = self.database.run(Lane::Shared, piece).await?;
            metrics::REMOVED.inc_by(rows);
            removed += rows;
            is_done = rows < PIECE.unsigned_abs();
            if !is_done {
                sleep(rest_after(begun.elapsed())).await;
            }
        }
        if removed > 0 {
            tracing::info!(visits = removed, "removed old visits");
        }
        self.database.end_lease(&self.lease).await
    }
}

/// Returns how long to rest after a transaction that took this long.
fn rest_after(took: Duration) -> Duration {
    (took * REST).min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_nine_times_as_long_as_the_work_and_ends_before_the_lease() {
        for (took, rest) in [(0, 0), (100, 900), (6_000, 54_000), (7_000, 60_000), (600_000, 60_000)] {
            assert_eq!(rest_after(Duration::from_millis(took)), Duration::from_millis(rest), "{took} ms");
        }
        assert!(rest_after(Duration::MAX / REST) < LEASE);
    }
}
