//! Applies the migrations that take long while the service works: an index on a large table.

use std::time::Duration;

use causeway_common::telemetry::chain;
use tokio::time::sleep;

use super::Database;
use super::error::DatabaseError;
use super::migrations::Plan;

/// The pauses double from a second, so that the last try is some 17 minutes after the first. Then the next start tries
/// again: who may not build an index may not do so later either, and trying for ever would keep Aurora from pausing.
const TRIES: u32 = 11;

/// Returns when everything is applied or the tries are used up.
pub(super) async fn run(database: &Database, plan: &Plan) {
    for turn in 0..TRIES {
        database.availability.until(true).await;
        match attempt(database, plan).await {
            Ok(true) => return,
            Ok(false) => tracing::debug!("another instance migrates in the background"),
            Err(error) => tracing::warn!(cause = chain(&error), "migrating in the background failed"),
        }
        sleep(Duration::from_secs(1 << turn)).await;
    }
    tracing::error!("migrating in the background is given up until the next start");
}

async fn attempt(database: &Database, plan: &Plan) -> Result<bool, DatabaseError> {
    let client = database.pool.manager().connect_for_migrations().await?;
    plan.apply_in_background(&client).await
}
