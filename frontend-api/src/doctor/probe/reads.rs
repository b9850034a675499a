//! Reads as a visit does, and finds the locks that other requests wait for.

use super::postgres::Session;
use super::statements::{MAY_CREATE, in_transaction};
use crate::database::Engine;
use crate::doctor::causes::{SLOW_QUERY, TABLE_MISSING};
use crate::doctor::walk::{Fault, Found};
use crate::visits::TableName;

/// Reads from the table of visits, as `/recent-visits` does, and looks for locks on any table that requests use.
pub(in crate::doctor) async fn query(
    session: &Session,
    table: &TableName,
    used: &[String],
) -> Result<Found<()>, Fault> {
    let sql = format!("SELECT last_update, user_agent FROM {table} LIMIT 1");
    let read = in_transaction(session, "READ ONLY", &sql).await.map(drop);
    not_waited_for(session, used, read).await?;
    Ok(Found::new((), format!("{table} can be read")))
}

/// Does the same, or returns false if the table is not there yet and the user may make it, as the first start does.
pub(in crate::doctor) async fn query_or_creatable(
    session: &Session,
    table: &TableName,
    used: &[String],
) -> Result<Found<bool>, Fault> {
    let fault = match query(session, table, used).await {
        Ok(found) => return Ok(found.map(|()| true)),
        Err(fault) => fault,
    };
    // A history means that the table was made once, and is not made again.
    let sql = format!("SELECT {MAY_CREATE}, to_regclass('{}') IS NULL", table.history());
    let is_fresh = *fault.cause == TABLE_MISSING
        && in_transaction(session, "READ ONLY", &sql).await?.iter().all(|flag| flag.as_deref() == Some("t"));
    if is_fresh {
        return Ok(Found::new(false, format!("{table} is not there yet; the user may make it at the first start")));
    }
    Err(fault)
}

/// Locks under which tables cannot even be read.
struct Locks {
    /// Statements that wait for them, one for each table.
    reads: String,
    /// Which sessions have or want them.
    holders: String,
}

/// Takes the result of reading one of the tables. Returns a fault if that one or another one is locked for long; the evidence
/// names the table and the session.
async fn not_waited_for(session: &Session, tables: &[String], read: Result<(), Fault>) -> Result<(), Fault> {
    if read.as_ref().is_err_and(|fault| *fault.cause != SLOW_QUERY) {
        return read;
    }
    let Some(locks) = find(session, tables).await else { return read };
    let waited = match read {
        // Most locks end soon, and requests do not notice them.
        Ok(()) => in_transaction(session, "READ ONLY", &locks.reads).await.map(drop),
        slow => slow,
    };
    match waited {
        Err(Fault { cause, evidence }) if *cause == SLOW_QUERY => {
            Err(Fault::new(cause, format!("{evidence}; {}", locks.holders)))
        }
        // The service may use tables that the doctor's user may not read.
        _ => Ok(()),
    }
}

/// Asks for the locks without locking a table. A session that waits for such a lock counts as well, because all later ones
/// wait behind it. Servers that do not know the view are left alone.
async fn find(session: &Session, tables: &[String]) -> Option<Locks> {
    match session.engine {
        Engine::Postgres => {}
        Engine::Dsql => return None,
    }
    let names = tables.iter().map(|table| format!("'{table}'")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT string_agg(DISTINCT format('SELECT FROM %s LIMIT 0', name), '; '), \
         string_agg(format('%s %s an ACCESS EXCLUSIVE lock on %s', coalesce('process ' || pid, 'a prepared transaction'), \
         CASE WHEN granted THEN 'has' ELSE format('waits behind process %s for', \
         array_to_string(pg_blocking_pids(pid), ', ')) END, name), '; ') \
         FROM (SELECT pid, granted, relation::regclass AS name FROM pg_locks \
         WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND relation IN (SELECT to_regclass(used) FROM unnest(ARRAY[{names}]) AS used) \
         ORDER BY granted DESC LIMIT 10) AS locks"
    );
    match in_transaction(session, "READ ONLY", &sql).await.ok()?.as_mut_slice() {
        [Some(reads), Some(holders)] => Some(Locks { reads: std::mem::take(reads), holders: std::mem::take(holders) }),
        _ => None,
    }
}
