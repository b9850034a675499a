//! Makes the first connection and the tables, and reconnects after a request has noticed that the database is lost.

use std::time::Duration;

use deadpool::managed::Metrics;
use tokio::sync::Notify;
use tokio::time::{interval, sleep};

use super::Database;
use super::background;
use super::error::DatabaseError;
use super::migrations::Migrations;
use super::plan::Plan;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Short, so that recovery is short as well: two attempts a second cost a starting server nothing.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Makes the tables that `features` need and keeps the database available. Never ends.
pub async fn run(database: Database, features: Vec<Migrations>) {
    let plan = Plan::new(database.config.engine, features);
    let left = Notify::new();
    let background = async {
        left.notified().await;
        background::run(&database, &plan).await;
    };
    tokio::join!(keep_available(&database, &plan, &left), close_idle(&database), background);
}

/// Notifies `left` if migrations are left for the background.
async fn keep_available(database: &Database, plan: &Plan, left: &Notify) {
    let mut migrated = false;
    loop {
        let mut pause = FIRST_PAUSE;
        while let Err(error) = bring_up(database, plan, &mut migrated, left).await {
            database.availability.lost(&error);
            tracing::warn!(cause = causeway_common::telemetry::chain(&error), ?pause, "trying the database again");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        database.availability.gained();
        database.availability.until(false).await;
    }
}

/// Migrates once, with a separate connection. After that, one connection of the pool is enough.
async fn bring_up(database: &Database, plan: &Plan, migrated: &mut bool, left: &Notify) -> Result<(), DatabaseError> {
    if *migrated {
        return database.reach().await;
    }
    let client = database.pool.manager().connect_for_migrations().await?;
    if plan.apply(&client).await? {
        left.notify_one();
    }
    *migrated = true;
    Ok(())
}

async fn close_idle(database: &Database) {
    let limit = database.config.idle_timeout;
    let mut turns = interval(limit / 4);
    loop {
        turns.tick().await;
        database.pool.retain(|_, metrics: Metrics| is_in_use(metrics, limit));
    }
}

fn is_in_use(metrics: Metrics, limit: Duration) -> bool {
    metrics.last_used() < limit
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_connection_that_was_used_within_the_limit_is_in_use_however_old_it_is() {
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        for (created, recycled, expected) in
            [(600, Some(1), true), (600, Some(120), false), (600, None, false), (1, None, true)]
        {
            let metrics = Metrics { created: ago(created), recycled: recycled.map(ago), recycle_count: 0 };
            assert_eq!(is_in_use(metrics, Duration::from_secs(60)), expected, "{created} {recycled:?}");
        }
    }
}
