//! Applies long migrations while the service runs, such as an index on a large table.

use std::time::Duration;

use causeway_common::telemetry::chain;
use tokio::time::sleep;

use super::Database;
use super::error::DatabaseError;
use super::plan::Plan;

/// The pauses double from a second, so that the last attempt is some 17 minutes after the first. After that, the next start
/// tries again: a user who may not build an index cannot do so later either, and endless attempts would keep Aurora from
/// pausing.
const TRIES: u32 = 11;

/// Returns when everything is applied or the tries are used up.
pub(super) async fn run(database: &Database, plan: &Plan) {
    for turn in 0..TRIES {
        let pause = Duration::from_secs(1 << turn);
        database.availability.until(true).await;
        match attempt(database, plan).await {
            Ok(true) => return,
            Ok(false) => tracing::debug!("another instance runs the background migration"),
            Err(error) => tracing::warn!(cause = chain(&error), ?pause, "the background migration failed"),
        }
        sleep(pause).await;
    }
    tracing::error!("the background migration stops until the next start");
}

async fn attempt(database: &Database, plan: &Plan) -> Result<bool, DatabaseError> {
    let client = database.pool.manager().connect_for_migrations().await?;
    plan.apply_in_background(&client).await
}
