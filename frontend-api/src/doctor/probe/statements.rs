//! Writes as a visit does, in transactions that are rolled back. [`super::reads`] reads.

use std::time::Duration;

use time::OffsetDateTime;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

use super::postgres::{Session, describe, pooler_cause};
use super::tls;
use crate::database::Engine;
use crate::doctor::causes::{
    CLOCK_DIFFERS, CONNECTIONS_SCARCE, CUT_SHORT, Cause, DISK_FULL, MAY_NOT_CREATE, PASSWORD_EXPIRES_SOON,
    PERMISSION_DENIED, QUERY_FAILED, READ_ONLY, READ_ONLY_REPLICA, SHUTTING_DOWN, SLOW_QUERY, TABLE_DIFFERS,
    TABLE_MISSING, VISIT_REFUSED,
};
use crate::doctor::times::seconds;
use crate::doctor::walk::{Fault, Found};
use crate::visits::TableName;

/// The server's limit for one statement: it does not notice by itself that the doctor no longer waits.
const STATEMENT_LIMIT: Duration = Duration::from_millis(1500);
/// How long a statement may wait for a lock, and so how long others may wait behind it.
const LOCK_LIMIT: Duration = Duration::from_millis(1000);

pub(super) const MAY_CREATE: &str = "coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)";
/// Seconds. TLS and signatures fail from 5 minutes on.
const MOST_SKEW: i64 = 60;
/// Seconds.
const SOON: i64 = 7 * 24 * 3600;
/// Bytes: two packets of Ethernet's size.
const LONGER_THAN_A_PACKET: usize = 3000;

/// Asks whether the user may make tables.
pub(in crate::doctor) async fn creatable(session: &Session) -> Result<Found<()>, Fault> {
    match &in_transaction(session, "READ ONLY", &format!("SELECT {MAY_CREATE}")).await?[..] {
        [Some(may)] if may == "t" => Ok(Found::new((), "the user may make the tables")),
        _ => Err(Fault::new(&MAY_NOT_CREATE, "CREATE on the current schema is not granted")),
    }
}

/// Asks for anything.
pub(in crate::doctor) async fn answers(session: &Session) -> Result<Found<()>, Fault> {
    in_transaction(session, "READ ONLY", "SELECT 1").await?;
    Ok(Found::new((), "a query is answered"))
}

/// Inserts a visit, has deferred constraints judge it, and rolls it back.
/// Without a table, only whether the server takes writes is asked. Returns when the user's password expires, if it does.
pub(in crate::doctor) async fn writable(
    session: &Session,
    table: Option<&TableName>,
) -> Result<Found<Option<OffsetDateTime>>, Fault> {
    // Every server of DSQL takes writes.
    let sql = match session.engine {
        Engine::Postgres => "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::bool",
        Engine::Dsql => "SELECT false, false",
    };
    match &in_transaction(session, "", sql).await?[..] {
        [Some(replica), ..] if replica == "t" => {
            return Err(Fault::new(&READ_ONLY_REPLICA, "pg_is_in_recovery() is true"));
        }
        [_, Some(read_only)] if read_only == "t" => {
            return Err(Fault::new(&READ_ONLY, "transaction_read_only is on, pg_is_in_recovery() is false"));
        }
        _ => {}
    }
    let seen = match table {
        Some(table) => insert(session, table).await?,
        None => "the server takes writes".to_owned(),
    };
    let Some(server) = ask(session).await else { return Ok(Found::new(None, seen)) };
    Ok(match server.worth_a_look() {
        Some(Fault { cause, evidence }) => {
            Found::warning(server.valid_until, Fault::new(cause, format!("{seen}; {evidence}")))
        }
        None => Found::new(server.valid_until, seen),
    })
}

async fn insert(session: &Session, table: &TableName) -> Result<String, Fault> {
    let visit = format!(
        "INSERT INTO {table} (last_update, user_agent) SELECT * FROM unnest(ARRAY[now() AT TIME ZONE 'UTC']::timestamp[], \
         ARRAY['causeway-doctor']::text[])"
    );
    let judged = match session.engine {
        Engine::Postgres => "; SET CONSTRAINTS ALL IMMEDIATE",
        // There they can't be deferred.
        Engine::Dsql => "",
    };
    in_transaction(session, "", &format!("{visit}{judged}")).await?;
    Ok(format!("{table} accepts a visit, which was rolled back"))
}

/// What the server says of itself and of the user.
struct Server {
    /// How far its clock is ahead of this machine's, in seconds.
    ahead: i64,
    connections: i64,
    most_connections: i64,
    valid_until: Option<OffsetDateTime>,
}

/// Servers that do not know these views and settings are left alone. Question and answer are longer than a packet, so that
/// a network shows here if it loses long ones.
async fn ask(session: &Session) -> Option<Server> {
    let blanks = " ".repeat(LONGER_THAN_A_PACKET);
    let sql = format!(
        "SELECT extract(epoch FROM clock_timestamp())::bigint, \
         (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL), \
         current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int, \
         (SELECT extract(epoch FROM rolvaliduntil)::bigint FROM pg_roles \
          WHERE rolname = session_user AND isfinite(rolvaliduntil)), \
         repeat(' ', {LONGER_THAN_A_PACKET}) /*{blanks}*/"
    );
    let row = in_transaction(session, "READ ONLY", &sql).await.ok()?;
    let number = |column: usize| row.get(column)?.as_ref()?.parse::<i64>().ok();
    Some(Server {
        ahead: number(0)? - OffsetDateTime::now_utc().unix_timestamp(),
        connections: number(1)?,
        most_connections: number(2)?,
        valid_until: number(3).and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()),
    })
}

impl Server {
    /// Returns what is no fault yet.
    fn worth_a_look(&self) -> Option<Fault> {
        let Self { ahead, connections, most_connections, .. } = *self;
        if ahead.abs() > MOST_SKEW {
            let evidence = format!("the server's clock is {ahead} s ahead of this machine's");
            return Some(Fault::new(&CLOCK_DIFFERS, evidence));
        }
        if connections * 10 >= most_connections * 9 {
            let evidence = format!("{connections} of {most_connections} connections are in use");
            return Some(Fault::new(&CONNECTIONS_SCARCE, evidence));
        }
        let until = self.valid_until?;
        // Who logs in with an expired password does not use it: the server trusts, or wants a certificate.
        let is_soon = (0..SOON).contains(&(until - OffsetDateTime::now_utc()).whole_seconds());
        is_soon.then(|| Fault::new(&PASSWORD_EXPIRES_SOON, format!("the password is valid until {}", seconds(until))))
    }
}

/// Returns the columns of the first row. Behind a pooler the session serves others
/// afterwards, so the settings end with the transaction, and there is no prepared statement.
pub(super) async fn in_transaction(
    session: &Session,
    mode: &str,
    statements: &str,
) -> Result<Vec<Option<String>>, Fault> {
    let (statement, lock) = (STATEMENT_LIMIT.as_millis(), LOCK_LIMIT.as_millis());
    let limits = match session.engine {
        Engine::Postgres => {
            format!("SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock}; ")
        }
        // It has no locks, and no such settings.
        Engine::Dsql => String::new(),
    };
    let sql = format!("BEGIN {mode}; {limits}{statements}");
    let result = session.client.simple_query(&sql).await;
    let ended = session.client.simple_query("ROLLBACK").await;
    let messages = result.and_then(|messages| ended.map(|_| messages)).map_err(|error| fault(&error))?;
    // Also SET and BEGIN are answered, with tags instead of rows.
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let columns = |row: &SimpleQueryRow| (0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect();
    Ok(row.map(columns).unwrap_or_default())
}

fn fault(error: &tokio_postgres::Error) -> Fault {
    let Some(db) = error.as_db_error() else {
        let cause = if error.is_closed() || ended(error) { &CUT_SHORT } else { &QUERY_FAILED };
        return Fault::new(cause, causeway_common::telemetry::chain(error));
    };
    Fault::new(cause(db), describe(db))
}

/// The connection ended before the answer.
fn ended(error: &tokio_postgres::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    source.is_some_and(tls::is_end)
}

fn cause(db: &DbError) -> &'static Cause {
    if let Some(cause) = pooler_cause(db) {
        return cause;
    }
    match *db.code() {
        SqlState::UNDEFINED_TABLE | SqlState::INVALID_SCHEMA_NAME => &TABLE_MISSING,
        SqlState::UNDEFINED_COLUMN
        | SqlState::DATATYPE_MISMATCH
        | SqlState::WRONG_OBJECT_TYPE
        | SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE => &TABLE_DIFFERS,
        SqlState::INSUFFICIENT_PRIVILEGE => &PERMISSION_DENIED,
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => &SLOW_QUERY,
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => &SHUTTING_DOWN,
        SqlState::DISK_FULL => &DISK_FULL,
        SqlState::READ_ONLY_SQL_TRANSACTION => &READ_ONLY,
        // Integrity constraints, views with a check option, triggers.
        ref code if ["23", "44", "P0"].iter().any(|class| code.code().starts_with(class)) => &VISIT_REFUSED,
        _ => &QUERY_FAILED,
    }
}
