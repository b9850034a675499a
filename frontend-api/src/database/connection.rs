//! A connection on loan from the pool, and a transaction on it.
//!
//! Every statement uses [`Connection::statement`], which limits the time and notes what each failure means for the
//! connection.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use deadpool::managed::Object;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::Database;
use super::conflicts::Repetition;
use super::connector::Connector;
use super::error::{DatabaseError, STATEMENT};
use super::lanes::Permit;
use super::spans;

/// The values of a statement's `$1`, `$2`, …
pub type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Runs statements: prepared once per connection, each within `DB_QUERY_TIMEOUT_MS`.
pub trait Queries {
    /// Returns all rows.
    ///
    /// # Errors
    /// The server's error, or a time-out.
    fn query(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> impl Future<Output = Result<Vec<Row>, DatabaseError>> + Send;

    /// Returns the row, if there is one.
    ///
    /// # Errors
    /// As [`Queries::query`], and if there is more than one row.
    fn query_opt(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> impl Future<Output = Result<Option<Row>, DatabaseError>> + Send;

    /// Returns the only row.
    ///
    /// # Errors
    /// As [`Queries::query`], and if there is another number of rows.
    fn query_one(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> impl Future<Output = Result<Row, DatabaseError>> + Send;

    /// Returns how many rows the statement changed.
    ///
    /// # Errors
    /// As [`Queries::query`].
    fn execute(&self, sql: &str, parameters: Parameters<'_>)
    -> impl Future<Output = Result<u64, DatabaseError>> + Send;
}

/// A connection on loan from the pool. When dropped, it returns to the pool, unless it is unfit for further use.
pub struct Connection {
    /// `None` only while it is dropped.
    object: Option<Object<Connector>>,
    database: Database,
    /// Statements whose answer has not been read. If one is left at the end, the connection can't be used again: the
    /// next statement would wait for this one.
    unanswered: AtomicU32,
    /// An error said that the connection is unfit for further use.
    spoiled: AtomicBool,
    in_transaction: AtomicBool,
    /// Dropped last, so that the lane has a free place when the connection has returned.
    _permit: Permit,
}

impl Connection {
    pub(super) fn new(object: Object<Connector>, database: Database, permit: Permit) -> Self {
        Self {
            object: Some(object),
            database,
            unanswered: AtomicU32::new(0),
            spoiled: AtomicBool::new(false),
            in_transaction: AtomicBool::new(false),
            _permit: permit,
        }
    }

    fn client(&self) -> &deadpool_postgres::ClientWrapper {
        self.object.as_ref().expect("it is taken only by drop")
    }

    /// Runs one statement, within the span of that statement. Outside of a transaction it is a transaction by itself, which
    /// runs again if the server rolled it back because of another one.
    async fn statement<T, F: Future<Output = Result<T, tokio_postgres::Error>>>(
        &self,
        sql: &str,
        run: impl Fn() -> F,
    ) -> Result<T, DatabaseError> {
        let mut repetition = None;
        loop {
            let mut span = spans::start(sql, || self.database.pool.manager().peer());
            let error = match self.answered(run()).await {
                Ok(answer) => {
                    span.succeeded();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            spans::failed(&mut span, &error);
            drop(span);
            let limit = self.database.config.query_timeout;
            if !error.is_conflict()
                || self.in_transaction.load(Relaxed)
                || !repetition.get_or_insert_with(|| Repetition::within(limit)).again().await
            {
                return Err(error);
            }
        }
    }

    /// Waits for the answer to one statement, and notes what a failure means for the connection.
    async fn answered<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, DatabaseError> {
        self.unanswered.fetch_add(1, Relaxed);
        // If this future is dropped or the time is up, the statement stays counted as unanswered.
        let answer = timeout(self.database.config.query_timeout, answer).await;
        let answer = answer.map_err(|_| DatabaseError::TimedOut(STATEMENT))?;
        self.unanswered.fetch_sub(1, Relaxed);
        answer.map_err(|error| {
            let error = DatabaseError::Query(error);
            if error.spoils_server() {
                self.database.distrust_connections();
            }
            if error.spoils_connection() {
                self.spoiled.store(true, Relaxed);
            }
            error
        })
    }

    async fn command(&self, sql: &'static str) -> Result<(), DatabaseError> {
        self.statement(sql, || self.client().batch_execute(sql)).await
    }

    /// `conflict` becomes true if another transaction is why this one fails.
    pub(super) async fn begin<'a>(&'a self, conflict: &'a AtomicBool) -> Result<Transaction<'a>, DatabaseError> {
        self.in_transaction.store(true, Relaxed);
        self.command("BEGIN").await?;
        Ok(Transaction { connection: self, failed: AtomicBool::new(false), conflict })
    }
}

impl Queries for Connection {
    async fn query(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, DatabaseError> {
        let client = self.client();
        let sql = &*self.database.config.engine.statement(sql);
        self.statement(sql, || async { client.query(&client.prepare_cached(sql).await?, parameters).await }).await
    }

    async fn query_opt(&self, sql: &str, parameters: Parameters<'_>) -> Result<Option<Row>, DatabaseError> {
        let client = self.client();
        let sql = &*self.database.config.engine.statement(sql);
        self.statement(sql, || async { client.query_opt(&client.prepare_cached(sql).await?, parameters).await }).await
    }

    async fn query_one(&self, sql: &str, parameters: Parameters<'_>) -> Result<Row, DatabaseError> {
        let client = self.client();
        let sql = &*self.database.config.engine.statement(sql);
        self.statement(sql, || async { client.query_one(&client.prepare_cached(sql).await?, parameters).await }).await
    }

    async fn execute(&self, sql: &str, parameters: Parameters<'_>) -> Result<u64, DatabaseError> {
        let client = self.client();
        let sql = &*self.database.config.engine.statement(sql);
        self.statement(sql, || async { client.execute(&client.prepare_cached(sql).await?, parameters).await }).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        let unanswered = *self.unanswered.get_mut() > 0;
        if unanswered || *self.spoiled.get_mut() || *self.in_transaction.get_mut() {
            let client = Object::take(object);
            if unanswered {
                self.database.cancel(client.cancel_token());
            }
        } else {
            drop(object);
            self.database.released.notify_one();
        }
    }
}

/// A transaction. [`Database::transaction`] commits it, unless a statement failed.
pub struct Transaction<'a> {
    connection: &'a Connection,
    /// PostgreSQL answers the COMMIT of a transaction in which a statement failed with ROLLBACK and without an error,
    /// and the driver does not report that.
    failed: AtomicBool,
    conflict: &'a AtomicBool,
}

impl Transaction<'_> {
    fn note<T>(&self, result: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        if let Err(error) = &result {
            self.failed.store(true, Relaxed);
            self.conflict.fetch_or(error.is_conflict(), Relaxed);
        }
        result
    }

    /// Returns once the transaction is committed.
    pub(super) async fn commit(self) -> Result<(), DatabaseError> {
        let unanswered = self.connection.unanswered.load(Relaxed) > 0;
        if self.failed.load(Relaxed) || unanswered {
            self.roll_back().await;
            return Err(DatabaseError::RolledBack);
        }
        self.end("COMMIT").await
    }

    /// If this fails, the connection is dropped, and with it the transaction.
    pub(super) async fn roll_back(self) {
        if self.connection.unanswered.load(Relaxed) == 0
            && !self.connection.spoiled.load(Relaxed)
            && let Err(error) = self.end("ROLLBACK").await
        {
            tracing::debug!(
                error = causeway_common::telemetry::chain(&error),
                "a transaction was ended by closing its connection"
            );
        }
    }

    async fn end(&self, command: &'static str) -> Result<(), DatabaseError> {
        let result = self.connection.command(command).await;
        if let Err(error) = &result {
            self.conflict.fetch_or(error.is_conflict(), Relaxed);
        }
        // An answer, even an error, says that the server has ended the transaction.
        if result.as_ref().err().is_none_or(|error| error.sqlstate().is_some()) {
            self.connection.in_transaction.store(false, Relaxed);
        }
        result
    }
}

impl Queries for Transaction<'_> {
    async fn query(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, DatabaseError> {
        self.note(self.connection.query(sql, parameters).await)
    }

    async fn query_opt(&self, sql: &str, parameters: Parameters<'_>) -> Result<Option<Row>, DatabaseError> {
        self.note(self.connection.query_opt(sql, parameters).await)
    }

    async fn query_one(&self, sql: &str, parameters: Parameters<'_>) -> Result<Row, DatabaseError> {
        self.note(self.connection.query_one(sql, parameters).await)
    }

    async fn execute(&self, sql: &str, parameters: Parameters<'_>) -> Result<u64, DatabaseError> {
        self.note(self.connection.execute(sql, parameters).await)
    }
}
