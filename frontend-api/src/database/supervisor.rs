//! Brings the database up, notices when it is gone, and brings it up again. Runs beside the server for as long as it does.

use std::time::Duration;

use deadpool::managed::Metrics;
use tokio::time::{interval, sleep};

use super::Database;
use super::error::DatabaseError;
use super::migrations::{Migrations, Plan};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Short, so that recovery is: two attempts a second cost a server that is coming up nothing.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Makes the tables that `features` need and keeps the database available. Never ends.
pub async fn run(database: Database, features: Vec<Migrations>) {
    let plan = Plan::new(features);
    tokio::join!(keep_available(&database, &plan), close_idle(&database));
}

async fn keep_available(database: &Database, plan: &Plan) {
    let mut migrated = false;
    loop {
        let mut pause = FIRST_PAUSE;
        while let Err(error) = bring_up(database, plan, &mut migrated).await {
            database.availability.lost(&error);
            tracing::warn!(cause = causeway_common::telemetry::chain(&error), ?pause, "trying the database again");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        database.availability.gained();
        database.availability.until(false).await;
    }
}

/// Migrates once, with a connection of its own. Later a connection of the pool is all that is needed: the tables are there.
async fn bring_up(database: &Database, plan: &Plan, migrated: &mut bool) -> Result<(), DatabaseError> {
    if *migrated {
        return database.reach().await;
    }
    let client = database.pool.manager().connect_for_migrations().await?;
    plan.apply(&client).await?;
    *migrated = true;
    Ok(())
}

async fn close_idle(database: &Database) {
    let limit = database.config.idle_timeout;
    let mut turns = interval(limit / 4);
    loop {
        turns.tick().await;
        database.pool.retain(|_, metrics: Metrics| metrics.last_used() < limit);
    }
}
