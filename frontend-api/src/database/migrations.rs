//! The changes of the schema that each feature asks for. [`super::plan`] applies them.
//!
//! Each feature has a list of [`Migration`]s. Which ones were applied is recorded in the table layout of refinery, which
//! earlier versions used.

use std::hash::{Hash, Hasher};

use siphasher::sip::SipHasher13;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::engine;

/// Where all features but the visits record their migrations.
const HISTORY: &str = "causeway_migrations";

/// One change of the schema. Its text must never change once it was released.
#[derive(Debug, Clone)]
pub struct Migration {
    pub(super) version: i32,
    pub(super) name: &'static str,
    pub(super) sql: String,
    pub(super) how: How,
    /// What runs on DSQL, if that can't be made of `sql`.
    on_dsql: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum How {
    /// In one transaction with its record in the history.
    Atomic,
    /// A statement by itself, while the service works.
    Background,
    /// The same, for building this index: what an interrupted build left behind is removed first.
    Index(String),
}

impl Migration {
    /// A change that is applied and recorded in one transaction. `version` is unique within its history.
    pub fn atomic(version: i32, name: &'static str, sql: impl Into<String>) -> Self {
        Self { version, name, sql: sql.into(), how: How::Atomic, on_dsql: None }
    }

    /// A single statement that takes long on a large table and that no request needs. It may run again if the process dies before
    /// it is recorded, and must allow for that (`IF NOT EXISTS`).
    pub fn background(version: i32, name: &'static str, sql: impl Into<String>) -> Self {
        Self { version, name, sql: sql.into(), how: How::Background, on_dsql: None }
    }

    /// Builds `index`, whose name needs no quotes, without blocking writes. `definition` is what follows `ON`.
    pub fn index(version: i32, name: &'static str, index: impl Into<String>, definition: &str) -> Self {
        let index = index.into();
        let sql = format!("CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {definition}");
        Self { version, name, sql, how: How::Index(index), on_dsql: None }
    }

    /// Runs `sql` on DSQL instead. It is written as all others are, and changed as they are.
    pub fn on_dsql(mut self, sql: impl Into<String>) -> Self {
        self.on_dsql = Some(sql.into());
        self
    }

    /// Returns its statements on DSQL. Each is a transaction by itself, and can be repeated.
    pub(super) fn statements_on_dsql(&self) -> Vec<String> {
        engine::on_dsql(self.on_dsql.as_ref().unwrap_or(&self.sql))
    }

    pub(super) fn in_background(&self) -> bool {
        matches!(self.how, How::Background | How::Index(_))
    }

    /// As refinery computes it.
    pub(super) fn checksum(&self) -> String {
        let mut hasher = SipHasher13::new();
        self.name.hash(&mut hasher);
        self.version.hash(&mut hasher);
        self.sql.hash(&mut hasher);
        hasher.finish().to_string()
    }

    pub(super) fn label(&self) -> String {
        format!("V{}__{}", self.version, self.name)
    }

    pub(super) fn record(&self, history: &str) -> String {
        let now = OffsetDateTime::now_utc().format(&Rfc3339).expect("the present has a four-digit year");
        format!(
            "INSERT INTO {history} (version, name, applied_on, checksum) VALUES ({}, '{}', '{now}', '{}')",
            self.version,
            self.name,
            self.checksum(),
        )
    }
}

/// The migrations of one feature, the table that records them, and the tables that requests use.
#[derive(Debug)]
pub struct Migrations {
    pub(super) history: String,
    pub(super) list: Vec<Migration>,
    used: Vec<String>,
}

impl Migrations {
    /// Recorded in the history that the features share.
    pub fn new(list: Vec<Migration>) -> Self {
        Self::recorded_in(HISTORY, list)
    }

    /// Recorded in a table of this name, which must not need quotes.
    pub fn recorded_in(history: impl Into<String>, list: Vec<Migration>) -> Self {
        Self { history: history.into(), list, used: Vec::new() }
    }

    /// Names those of the tables that requests read or write, as SQL wants the names. A request waits while one of them is
    /// locked.
    pub fn used_by_requests<T: Into<String>>(mut self, tables: impl IntoIterator<Item = T>) -> Self {
        self.used.extend(tables.into_iter().map(Into::into));
        self
    }

    /// Returns the tables that requests read or write.
    pub fn used(&self) -> &[String] {
        &self.used
    }
}
