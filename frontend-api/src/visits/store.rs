//! The SQL of visits.

use std::future::ready;
use std::sync::Arc;

use time::PrimitiveDateTime;
use tokio_postgres::Row;

use super::table::TableName;
use crate::database::{Connection, Database, DatabaseError, Lane, Permit, Queries};

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

/// The table of visits.
#[derive(Clone)]
pub(super) struct Store {
    database: Database,
    insert: Arc<str>,
    recent: Arc<str>,
}

impl Store {
    pub(super) fn new(database: Database, table: &TableName) -> Self {
        let insert =
            format!("INSERT INTO {table} (last_update, user_agent) SELECT * FROM unnest($1::timestamp[], $2::text[])");
        let recent = format!(
            "SELECT last_update, user_agent FROM {table} \
             WHERE last_update BETWEEN '0001-01-01' AND '9999-12-31 23:59:59.999999' ORDER BY last_update DESC LIMIT {LISTED}"
        );
        Self { database, insert: insert.into(), recent: recent.into() }
    }

    /// Waits for the connection of one more batch.
    pub(super) async fn permit(&self) -> Permit {
        self.database.permit(Lane::VisitWrites).await
    }

    /// Returns how many batches can have a place at once.
    pub(super) fn most_permits(&self) -> usize {
        1 + self.database.spare_connections()
    }

    /// Inserts all of them or, on an error that the server reported, none.
    pub(super) async fn insert(
        &self,
        permit: &Permit,
        visits: impl ExactSizeIterator<Item = &Visit>,
    ) -> Result<(), DatabaseError> {
        let (times, agents): (Vec<_>, Vec<_>) = visits.map(|visit| (visit.at, visit.user_agent.as_deref())).unzip();
        let insert = async |connection: &Connection| connection.execute(&self.insert, &[&times, &agents]).await;
        self.database.run_with(ready(permit.clone()), insert).await.map(drop)
    }

    /// Newest first, ten at most. Times that the list's format cannot show are left out: infinity, and years outside of 1 to
    /// 9999, which other programs may have stored.
    pub(super) async fn recent(&self) -> Result<Vec<Visit>, DatabaseError> {
        let query = async |connection: &Connection| connection.query(&self.recent, &[]).await;
        let rows = self.database.run(Lane::VisitReads, query).await?;
        let visit = |row: &Row| Ok(Visit { at: row.try_get(0)?, user_agent: row.try_get(1)? });
        rows.iter().map(visit).collect::<Result<_, _>>().map_err(DatabaseError::Decode)
    }
}

/// A database that refuses connections, and its table of visits.
#[cfg(test)]
pub(super) fn nowhere() -> (Database, Store) {
    use std::collections::BTreeMap;

    use causeway_common::config::Vars;
    use causeway_common::tasks::Place;

    use crate::database::{CredentialsProvider, DatabaseConfig};

    let nowhere = BTreeMap::from([("DATABASE_URL", "postgres://app@127.0.0.1:1/none?sslmode=disable")]);
    let mut vars = Vars::new(&nowhere);
    let loaded = DatabaseConfig::load(&mut vars);
    let (config, source) = vars.finish(loaded).unwrap();
    let credentials = CredentialsProvider::new(source, Arc::default());
    let database = Database::new(Arc::new(config), Arc::new(credentials), Place::default());
    (database.clone(), Store::new(database, &TableName::default()))
}
