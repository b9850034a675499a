//! Leases: work that only one instance may do at a time takes a row with an expiry, which outlives an instance that dies.

use std::time::Duration;

use super::{Connection, Database, DatabaseError, Lane, Queries};

/// Whether who has a lease may take it again before it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It goes on working.
    Allowed,
    /// The lease says that the work was done a while ago.
    Refused,
}

impl Database {
    /// Takes a lease, or keeps it. Returns false if it has not ended and belongs to another holder, or may not be renewed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lease(&self, name: &str, time: Duration, renewal: Renewal) -> Result<bool, DatabaseError> {
        let sql = "INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, now() + $3 * interval '1 second') \
                   ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at \
                   WHERE leases.expires_at < now() OR (leases.holder = excluded.holder AND $4)";
        let (holder, seconds, renews) = (&*self.holder, time.as_secs_f64(), renewal == Renewal::Allowed);
        let take = async |connection: &Connection| connection.execute(sql, &[&name, &holder, &seconds, &renews]).await;
        Ok(self.run(Lane::Shared, take).await? == 1)
    }

    /// Ends a lease before its time, unless it has ended and another instance has taken it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_lease(&self, name: &str) -> Result<(), DatabaseError> {
        let sql = "DELETE FROM leases WHERE name = $1 AND holder = $2";
        let delete = async |connection: &Connection| connection.execute(sql, &[&name, &&*self.holder]).await;
        self.run(Lane::Shared, delete).await.map(drop)
    }
}
