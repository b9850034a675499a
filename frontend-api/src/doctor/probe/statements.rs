//! Reads and writes as a visit does, in transactions that are rolled back.

use std::time::Duration;

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::{DbError, SqlState};

use super::postgres::{Session, describe};
use crate::doctor::causes::{
    Cause, DISK_FULL, PERMISSION_DENIED, QUERY_FAILED, READ_ONLY, READ_ONLY_REPLICA, SLOW_QUERY, TABLE_DIFFERS,
    TABLE_MISSING, VISIT_REFUSED,
};
use crate::doctor::walk::{Fault, Found};
use crate::visits::TableName;

/// What the server may spend on one statement: it does not notice by itself that nobody waits any more.
const STATEMENT_LIMIT: Duration = Duration::from_millis(1500);
/// How long a statement may wait for a lock, and so how long others may wait behind it.
const LOCK_LIMIT: Duration = Duration::from_millis(1000);

/// Reads from the table, as `/recent-visits` does.
pub(in crate::doctor) async fn query(session: &Session, table: &TableName) -> Result<Found<()>, Fault> {
    let sql = format!("SELECT last_update, user_agent FROM {table} LIMIT 1");
    in_transaction(session, "READ ONLY", &sql).await?;
    Ok(Found::new((), format!("{table} can be read")))
}

/// Inserts a visit, has deferred constraints judge it, and rolls it back.
pub(in crate::doctor) async fn writable(session: &Session, table: &TableName) -> Result<Found<()>, Fault> {
    let sql = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::bool";
    let flags = in_transaction(session, "", sql).await?;
    match flags {
        (true, _) => return Err(Fault::new(&READ_ONLY_REPLICA, "pg_is_in_recovery() is true")),
        (_, true) => {
            return Err(Fault::new(&READ_ONLY, "transaction_read_only is on, pg_is_in_recovery() is false"));
        }
        (false, false) => {}
    }
    let visit = format!(
        "INSERT INTO {table} (last_update, user_agent) SELECT * FROM unnest(ARRAY[now() AT TIME ZONE 'UTC']::timestamp[], \
         ARRAY['causeway-doctor']::text[]); SET CONSTRAINTS ALL IMMEDIATE"
    );
    in_transaction(session, "", &visit).await?;
    Ok(Found::new((), format!("{table} takes a visit, which was rolled back")))
}

/// Returns the first row's first two columns, as far as they are true. Behind a pooler the session serves others
/// afterwards, so the settings end with the transaction, and there is no prepared statement.
async fn in_transaction(session: &Session, mode: &str, statements: &str) -> Result<(bool, bool), Fault> {
    let (statement, lock) = (STATEMENT_LIMIT.as_millis(), LOCK_LIMIT.as_millis());
    let sql = format!(
        "BEGIN {mode}; SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock}; {statements}"
    );
    let result = session.client.simple_query(&sql).await;
    let ended = session.client.simple_query("ROLLBACK").await;
    let messages = result.and_then(|messages| ended.map(|_| messages)).map_err(|error| fault(&error))?;
    // Also SET and BEGIN are answered, with tags instead of rows.
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let flag = |column| row.is_some_and(|row| row.len() > column && row.get(column) == Some("t"));
    Ok((flag(0), flag(1)))
}

fn fault(error: &tokio_postgres::Error) -> Fault {
    let Some(db) = error.as_db_error() else {
        return Fault::new(&QUERY_FAILED, causeway_common::telemetry::chain(error));
    };
    Fault::new(cause(db), describe(db))
}

fn cause(db: &DbError) -> &'static Cause {
    match *db.code() {
        SqlState::UNDEFINED_TABLE | SqlState::INVALID_SCHEMA_NAME => &TABLE_MISSING,
        SqlState::UNDEFINED_COLUMN
        | SqlState::DATATYPE_MISMATCH
        | SqlState::WRONG_OBJECT_TYPE
        | SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE => &TABLE_DIFFERS,
        SqlState::INSUFFICIENT_PRIVILEGE => &PERMISSION_DENIED,
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => &SLOW_QUERY,
        SqlState::DISK_FULL => &DISK_FULL,
        SqlState::READ_ONLY_SQL_TRANSACTION => &READ_ONLY,
        // Integrity constraints, views with a check option, triggers.
        ref code if ["23", "44", "P0"].iter().any(|class| code.code().starts_with(class)) => &VISIT_REFUSED,
        _ => &QUERY_FAILED,
    }
}
