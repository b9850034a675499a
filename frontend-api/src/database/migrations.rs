//! The tables, made at start. Safe to run on many instances at once and on a database that has them already.

use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use refinery::{Migration, Runner};
use tokio::time::timeout;

use super::config::TableName;
use super::error::DatabaseError;

/// Building the index on a large table that another system left takes its time.
const LIMIT: Duration = Duration::from_secs(600);
/// refinery itself takes no lock, and fails when two run at once. Any number will do; this one is ours.
const ADVISORY_LOCK: i64 = 0x0043_6175_7365_7761;

pub(super) async fn apply(mut client: ClientWrapper, table: &TableName) -> Result<(), DatabaseError> {
    let run = async {
        client.execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK]).await.map_err(DatabaseError::Query)?;
        let report =
            runner(table).run_async(&mut *client).await.map_err(|error| DatabaseError::Migration(Box::new(error)))?;
        for migration in report.applied_migrations() {
            tracing::info!(migration = migration.name(), "applied");
        }
        Ok(())
        // The lock ends with the connection.
    };
    timeout(LIMIT, run).await.unwrap_or(Err(DatabaseError::TimedOut("migrating")))
}

/// The history is kept for each table name: the text of a migration, and so its checksum, depends on it.
fn runner(table: &TableName) -> Runner {
    let visits = format!(
        "CREATE TABLE IF NOT EXISTS {table} (last_update TIMESTAMP, user_agent VARCHAR(250));
         CREATE INDEX IF NOT EXISTS {name}_last_update ON {table} (last_update DESC);",
        name = table.as_str()
    );
    let migrations = [Migration::unapplied("V1__visits", &visits).expect("the name is of refinery's form")];
    let mut runner = Runner::new(&migrations);
    runner.set_migration_table_name(format!("{}_migrations", table.as_str()));
    runner
}
