//! Applies the migrations of all features at start. Safe on many instances at once, and on a database that already has the
//! tables.
//!
//! Migrations that this version does not know were applied by a newer one, and are accepted, so that its roll-back works.
//!
//! Building an index on a large table takes long, and no request needs it. Such migrations run in the background, while the
//! service records visits: see [`super::background`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::conflicts::Repetition;
use super::engine::{self, Engine};
use super::error::DatabaseError;
use super::migrations::{How, Migration, Migrations};

/// Filling a new column of a large table takes its time.
const STEP_LIMIT: Duration = Duration::from_secs(600);
/// For a statement that only reads or records.
const LOOK_LIMIT: Duration = Duration::from_secs(5);
/// While another instance migrates; then the supervisor starts again.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(100);
/// For an index of a table that has hundreds of millions of rows.
const BACKGROUND_LIMIT: Duration = Duration::from_hours(4);
/// An arbitrary number.
pub(super) const ADVISORY_LOCK: i64 = 0x0043_6175_7365_7761;
/// Another one. Held by the instance that migrates in the background.
pub(super) const BACKGROUND_LOCK: i64 = 0x0043_6175_7365_7762;

/// All features' migrations, in the order in which they are applied.
pub(super) struct Plan {
    engine: Engine,
    histories: Vec<Migrations>,
    said_that_newer_exist: AtomicBool,
}

type Applied = BTreeMap<i32, (String, String)>;

impl Plan {
    /// Features that share a history become one list.
    pub(super) fn new(engine: Engine, features: Vec<Migrations>) -> Self {
        let mut histories: Vec<Migrations> = Vec::new();
        for feature in features {
            match histories.iter_mut().find(|known| known.history == feature.history) {
                Some(known) => known.list.extend(feature.list),
                None => histories.push(feature),
            }
        }
        Self { engine, histories, said_that_newer_exist: AtomicBool::new(false) }
    }

    /// Applies what is missing and returns whether something is left for the background. If nothing is missing, it takes no
    /// lock and does not wait.
    pub(super) async fn apply(&self, client: &Client) -> Result<bool, DatabaseError> {
        if self.engine == Engine::Postgres {
            limit_locks(client).await;
        }
        let (mut complete, mut left) = (true, false);
        for Migrations { history, list, .. } in &self.histories {
            let (background, now) = self.split(list, &applied(client, history).await?, history)?;
            complete &= now.is_empty();
            left |= !background.is_empty();
        }
        if complete {
            return Ok(left);
        }
        if self.engine == Engine::Dsql {
            self.apply_on_dsql(client).await?;
            return Ok(false);
        }
        lock(client).await?;
        left = false;
        for Migrations { history, list, .. } in &self.histories {
            // Another instance may have applied them while we waited for the lock.
            let (background, now) = self.split(list, &applied(client, history).await?, history)?;
            left |= !background.is_empty();
            for migration in now {
                run(client, history, migration).await?;
            }
        }
        Ok(left)
        // The lock ends with the connection.
    }

    /// DSQL has no locks that could keep other instances away, so that several may apply the same. Whatever one of them has
    /// made, the others find there.
    async fn apply_on_dsql(&self, client: &Client) -> Result<(), DatabaseError> {
        for Migrations { history, list, .. } in &self.histories {
            for migration in self.missing(list, &applied(client, history).await?, history)? {
                run_on_dsql(client, history, migration).await?;
            }
        }
        Ok(())
    }

    /// Applies what [`Plan::apply`] left. Returns `false` if another instance is doing that.
    pub(super) async fn apply_in_background(&self, client: &Client) -> Result<bool, DatabaseError> {
        if !try_lock(client, BACKGROUND_LOCK).await? {
            return Ok(false);
        }
        for Migrations { history, list, .. } in &self.histories {
            for migration in self.missing(list, &applied(client, history).await?, history)? {
                run(client, history, migration).await?;
            }
        }
        Ok(true)
    }

    /// Returns what is missing: for the background, and for now. If the history is empty, everything is for now, because the
    /// tables are new.
    fn split<'a>(
        &self,
        list: &'a [Migration],
        applied: &Applied,
        history: &str,
    ) -> Result<(Vec<&'a Migration>, Vec<&'a Migration>), DatabaseError> {
        let missing = self.missing(list, applied, history)?;
        // DSQL builds indexes in the background by itself.
        let may_wait = self.engine == Engine::Postgres && !applied.is_empty();
        let waits = |migration: &&Migration| migration.in_background() && may_wait;
        Ok(missing.into_iter().partition(waits))
    }

    fn missing<'a>(
        &self,
        list: &'a [Migration],
        applied: &Applied,
        history: &str,
    ) -> Result<Vec<&'a Migration>, DatabaseError> {
        for migration in list {
            // The checksum includes the name.
            if applied.get(&migration.version).is_some_and(|(_, checksum)| *checksum != migration.checksum()) {
                return Err(DatabaseError::MigrationChanged {
                    migration: migration.label(),
                    history: history.to_owned(),
                });
            }
        }
        let unknown = applied.iter().filter(|(version, _)| list.iter().all(|known| known.version != **version));
        let unknown: Vec<String> = unknown.map(|(version, (name, _))| format!("V{version}__{name}")).collect();
        if !unknown.is_empty() && !self.said_that_newer_exist.swap(true, Relaxed) {
            tracing::warn!(history, migrations = unknown.join(", "), "a newer version has migrated this database");
        }
        Ok(list.iter().filter(|migration| !applied.contains_key(&migration.version)).collect())
    }
}

/// What the history says; nothing if there is no history yet.
async fn applied(client: &Client, history: &str) -> Result<Applied, DatabaseError> {
    let sql = format!("SELECT version, name, checksum FROM {history}");
    let rows = match limited(LOOK_LIMIT, "reading the migrations", client.query(&sql, &[])).await {
        Err(DatabaseError::Query(error)) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => {
            return Ok(Applied::new());
        }
        rows => rows?,
    };
    let read = |row: &tokio_postgres::Row| {
        let text = |column| row.try_get::<_, Option<String>>(column).map(Option::unwrap_or_default);
        Ok((row.try_get(0)?, (text(1)?, text(2)?)))
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(DatabaseError::Decode)
}

async fn try_lock(client: &Client, lock: i64) -> Result<bool, DatabaseError> {
    let sql = format!("SELECT pg_try_advisory_lock({lock})");
    let row = limited(LOOK_LIMIT, "locking the migrations", client.query_one(&sql, &[])).await?;
    row.try_get(0).map_err(DatabaseError::Decode)
}

async fn lock(client: &Client) -> Result<(), DatabaseError> {
    let taken = async {
        while !try_lock(client, ADVISORY_LOCK).await? {
            sleep(LOCK_PAUSE).await;
        }
        Ok(())
    };
    timeout(LOCK_LIMIT, taken)
        .await
        .unwrap_or(Err(DatabaseError::TimedOut("waiting for another instance's migrations")))
}

/// A table that another session has locked must not stop this one for longer; the supervisor tries again. The server gives
/// up before we do, so that no session stays behind.
async fn limit_locks(client: &Client) {
    let set = client.batch_execute("SET lock_timeout = '4s'");
    if let Err(error) = limited(LOOK_LIMIT, "limiting locks", set).await {
        // A database without table locks does not know the setting.
        tracing::debug!(error = causeway_common::telemetry::chain(&error), "lock_timeout is not set");
    }
}

fn create(history: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {history} \
         (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))"
    )
}

/// Each statement is repeated if another instance's has overtaken it, which shows as 40001.
async fn run_on_dsql(client: &Client, history: &str, migration: &Migration) -> Result<(), DatabaseError> {
    let mut steps = vec![create(history)];
    steps.extend(migration.statements_on_dsql());
    steps.push(format!("{} ON CONFLICT (version) DO NOTHING", migration.record(history)));
    for step in steps {
        let done = repeated(client, &step).await;
        let done = match engine::built_index(&step) {
            Some(index) if done.is_ok() => built(client, index).await,
            _ => done,
        };
        done.map_err(|error| DatabaseError::Migration { migration: migration.label(), source: Box::new(error) })?;
    }
    tracing::info!(migration = migration.label(), history, "applied");
    Ok(())
}

async fn repeated(client: &Client, step: &str) -> Result<(), DatabaseError> {
    let mut repetition = Repetition::within(STEP_LIMIT);
    loop {
        let done = limited(STEP_LIMIT, "migrating", client.batch_execute(step)).await;
        match done {
            Err(error) if error.is_conflict() && repetition.again().await => {}
            done => return done,
        }
    }
}

/// Waits until the index is complete: before that, a unique one does not refuse every second row.
async fn built(client: &Client, index: &str) -> Result<(), DatabaseError> {
    let wait = async {
        while is_invalid(client, index).await? {
            sleep(LOCK_PAUSE).await;
        }
        Ok(())
    };
    timeout(STEP_LIMIT, wait).await.unwrap_or(Err(DatabaseError::TimedOut("building an index")))
}

async fn run(client: &Client, history: &str, migration: &Migration) -> Result<(), DatabaseError> {
    let (sql, record) = (&migration.sql, migration.record(history));
    // A failed statement ends the whole text, so that COMMIT is only reached if every statement succeeded.
    let atomic = || format!("BEGIN; {sql}; {record}; COMMIT");
    let mut steps = vec![(LOOK_LIMIT, create(history))];
    match &migration.how {
        How::Atomic => steps.push((STEP_LIMIT, atomic())),
        How::Background => steps.extend([(BACKGROUND_LIMIT, sql.clone()), (LOOK_LIMIT, record)]),
        How::Index(index) => {
            if is_invalid(client, index).await? {
                steps.push((BACKGROUND_LIMIT, format!("DROP INDEX CONCURRENTLY IF EXISTS {index}")));
            }
            steps.extend([(BACKGROUND_LIMIT, sql.clone()), (LOOK_LIMIT, record)]);
        }
    }
    for (limit, step) in steps {
        let done = limited(limit, "migrating", client.batch_execute(&step)).await;
        done.map_err(|error| DatabaseError::Migration { migration: migration.label(), source: Box::new(error) })?;
    }
    tracing::info!(migration = migration.label(), history, "applied");
    Ok(())
}

/// Returns whether an interrupted build left the index: PostgreSQL keeps such an index and does not use it.
async fn is_invalid(client: &Client, index: &str) -> Result<bool, DatabaseError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid)";
    let row = limited(LOOK_LIMIT, "looking at an index", client.query_one(sql, &[&index])).await?;
    row.try_get(0).map_err(DatabaseError::Decode)
}

async fn limited<T>(
    limit: Duration,
    what: &'static str,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, DatabaseError> {
    timeout(limit, answer).await.map_err(|_| DatabaseError::TimedOut(what))?.map_err(DatabaseError::Query)
}
