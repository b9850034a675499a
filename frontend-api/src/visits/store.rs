//! The SQL of visits.

use time::PrimitiveDateTime;

use crate::database::{Database, DatabaseError};

/// The newest visits that are listed.
const LISTED: i64 = 10;

/// One row.
#[derive(Debug)]
pub(super) struct Visit {
    /// UTC; the column has no time zone.
    pub(super) at: PrimitiveDateTime,
    /// `None` when the client sent none.
    pub(super) user_agent: Option<String>,
}

/// All of them or, on an error that the server reported, none.
pub(super) async fn insert(
    database: &Database,
    visits: impl ExactSizeIterator<Item = &Visit>,
) -> Result<(), DatabaseError> {
    let (times, agents): (Vec<_>, Vec<_>) = visits.map(|visit| (visit.at, visit.user_agent.as_deref())).unzip();
    let table = &database.config().table;
    let sql =
        format!("INSERT INTO {table} (last_update, user_agent) SELECT * FROM unnest($1::timestamp[], $2::text[])");
    let connection = database.connection().await?;
    connection
        .run(async |client| {
            let statement = client.prepare_cached(&sql).await?;
            client.execute(&statement, &[&times, &agents]).await
        })
        .await?;
    Ok(())
}

/// Newest first, ten at most.
pub(super) async fn recent(database: &Database) -> Result<Vec<Visit>, DatabaseError> {
    let table = &database.config().table;
    let sql = format!(
        "SELECT last_update, user_agent FROM {table} WHERE last_update IS NOT NULL ORDER BY last_update DESC LIMIT {LISTED}"
    );
    let connection = database.connection().await?;
    let rows = connection
        .run(async |client| {
            let statement = client.prepare_cached(&sql).await?;
            client.query(&statement, &[]).await
        })
        .await?;
    rows.iter()
        .map(|row| Ok(Visit { at: row.try_get(0)?, user_agent: row.try_get(1)? }))
        .collect::<Result<_, _>>()
        .map_err(DatabaseError::Query)
}
