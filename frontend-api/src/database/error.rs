//! The errors of the database, what each means for the connection, and what the caller sees.

use std::borrow::Cow;
use std::sync::Arc;

use causeway_common::http::problem::{Failure, Kind, Retry};
use causeway_common::telemetry::chain;
use tokio_postgres::error::{DbError, Severity, SqlState};

use super::credentials::CredentialsError;

/// The step of [`DatabaseError::TimedOut`] that is a statement of a request.
pub(super) const STATEMENT: &str = "the query";

/// Why there is no connection or no result.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There are no credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// No connection could be made.
    #[error("connecting to the database failed")]
    Connect(#[source] tokio_postgres::Error),
    /// No further connection could be made a moment ago, while others work.
    #[error("no further connection could be made a moment ago: {0}")]
    RefusedBefore(Arc<str>),
    /// A statement failed.
    #[error("the query failed: {}", reported(.0))]
    Query(tokio_postgres::Error),
    /// A row is not of the form that is expected of it.
    #[error("a row can't be read")]
    Decode(#[source] tokio_postgres::Error),
    /// The work went on although one of its statements had failed, so nothing was committed.
    #[error("the transaction was rolled back because a statement in it had failed")]
    RolledBack,
    /// A migration failed.
    #[error("the migration {migration} failed")]
    Migration {
        /// Its version and name.
        migration: String,
        /// What went wrong.
        #[source]
        source: Box<DatabaseError>,
    },
    /// A migration was applied with another text than it has in this version.
    #[error(
        "the migration {migration} differs from the one that {history} says was applied; released migrations must not change"
    )]
    MigrationChanged {
        /// Its version and name.
        migration: String,
        /// The table that records it.
        history: String,
    },
    /// The step named did not end in its time.
    #[error("{0} took too long")]
    TimedOut(&'static str),
    /// All connections of the pool stayed in use.
    #[error("no connection of the pool became free in time")]
    PoolExhausted,
    /// It is known to be unavailable; the supervisor reconnects.
    #[error("the database is not available: {0}")]
    Unavailable(Arc<str>),
    /// This process is stopping.
    #[error("the pool is closed")]
    Closed,
}

impl DatabaseError {
    /// The server's code, if it was the server that failed.
    pub fn sqlstate(&self) -> Option<&SqlState> {
        match self {
            Self::Connect(error) | Self::Query(error) => error.code(),
            _ => None,
        }
    }

    /// Returns true if the tables could not be made.
    pub(super) fn is_of_migration(&self) -> bool {
        matches!(self, Self::Migration { .. } | Self::MigrationChanged { .. })
    }

    /// Returns true if the row would break this constraint or unique index.
    pub fn violates(&self, constraint: &str) -> bool {
        let Self::Query(error) = self else { return false };
        error.as_db_error().and_then(DbError::constraint) == Some(constraint)
    }

    /// Returns true if a statement was sent and its outcome is unknown.
    pub fn leaves_outcome_unknown(&self) -> bool {
        match self {
            // An ERROR rolls back. A FATAL can also end a session that has just committed.
            Self::Query(error) => error.as_db_error().and_then(DbError::parsed_severity) != Some(Severity::Error),
            Self::TimedOut(step) => *step == STATEMENT,
            _ => false,
        }
    }

    /// The statement was rolled back because of the data in it: its form, a constraint, a view's check, or a trigger.
    pub fn refuses_data(&self) -> bool {
        self.is_of_class(&["22", "23", "44", "P0"])
    }

    /// The server rolled the transaction back because of another one: 40001, or a deadlock.
    pub fn is_conflict(&self) -> bool {
        self.sqlstate() == Some(&SqlState::T_R_SERIALIZATION_FAILURE)
            || self.sqlstate() == Some(&SqlState::T_R_DEADLOCK_DETECTED)
    }

    fn is_of_class(&self, classes: &[&str]) -> bool {
        self.sqlstate().is_some_and(|code| classes.iter().any(|class| code.code().starts_with(class)))
    }

    /// The connection must not be used again. Only a statement that the server itself rolled back leaves it clean.
    pub(super) fn spoils_connection(&self) -> bool {
        !(self.refuses_data() || self.is_conflict() || self.is_of_class(&["42"]))
    }

    /// No connection to this server may be used again: it is read-only now, shutting down, or gone.
    pub(super) fn spoils_server(&self) -> bool {
        const CODES: [SqlState; 4] = [
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
        ];
        self.sqlstate().is_some_and(|code| CODES.contains(code))
    }
}

/// Returns the server's message without its DETAIL, which quotes rows that must not be logged.
fn reported(error: &tokio_postgres::Error) -> String {
    let Some(said) = error.as_db_error() else { return chain(error) };
    let constraint = said.constraint().map(|name| format!(", constraint {name}")).unwrap_or_default();
    format!("{}: {} (SQLSTATE {}{constraint})", said.severity(), said.message(), said.code().code())
}

/// The database cannot be used, or did not answer as it should.
pub static DATABASE_UNAVAILABLE: Kind = Kind {
    slug: "database-unavailable",
    status: 503,
    title: "The database is unavailable",
    meaning: "The database cannot be reached, refuses connections or did not answer as it should. The detail says whether a \
              write can have taken effect. /test-connection names the step that failed.",
    retry: Retry::Later,
};

impl Failure for DatabaseError {
    fn kind(&self) -> &'static Kind {
        &DATABASE_UNAVAILABLE
    }

    fn detail(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            _ if self.leaves_outcome_unknown() => {
                "The database did not answer as it should. Whether a write took effect is unknown; try again later."
            }
            Self::Query(_) | Self::RolledBack => {
                "The database did not answer as it should. Nothing was written; try again later."
            }
            _ => "The database cannot be reached. Nothing was written; try again later.",
        })
    }
}
