//! `DB_ENGINE`: the SQL of this service is PostgreSQL's, and this is what becomes of it on Aurora DSQL.
//!
//! DSQL has no locks, so that a transaction which another one has overtaken fails at its end with 40001, and runs again. Each
//! change of the schema is a transaction by itself. Its keys can't be of type bytea.

use std::borrow::Cow;
use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// What kind of server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL, and Aurora with its compatibility.
    Postgres,
    /// Aurora DSQL.
    Dsql,
}

/// What DSQL calls otherwise in statements, in the order in which it is replaced. Rows that a statement changes need no lock.
const STATEMENTS: [(&str, &str); 6] = [
    // The only collation is C.
    (" COLLATE \"C\"", ""),
    (" FOR UPDATE SKIP LOCKED)", ")"),
    (" FOR UPDATE)", ")"),
    ("FOR NO KEY UPDATE", "FOR UPDATE"),
    ("::bytea[]", "::text[]"),
    // Rows have no place, but visits have an id there.
    ("ctid", "id"),
];

/// The same in changes of the schema. The only collation is C. An identity's values are handed out one by one, because pages
/// list by them.
const SCHEMA: [(&str, &str); 8] = [
    ("CREATE TABLE IF NOT EXISTS ", "CREATE TABLE "),
    ("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS "),
    ("ADD COLUMN ", "ADD COLUMN IF NOT EXISTS "),
    ("GENERATED ALWAYS AS IDENTITY", "GENERATED ALWAYS AS IDENTITY (CACHE 1)"),
    ("bytea PRIMARY KEY", "text PRIMARY KEY"),
    (" COLLATE \"C\"", ""),
    (" DESC)", ")"),
    ("DROP INDEX CONCURRENTLY", "DROP INDEX"),
];

impl Engine {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "postgresql" => Ok(Self::Postgres),
            "dsql" => Ok(Self::Dsql),
            _ => Err(format!("{text:?} is not one of postgresql, dsql")),
        }
    }

    /// Returns what this engine is to run instead of `sql`, which reads or writes rows.
    pub(super) fn statement(self, sql: &str) -> Cow<'_, str> {
        match self {
            Self::Dsql if STATEMENTS.iter().any(|(ours, _)| sql.contains(ours)) => replaced(sql, &STATEMENTS).into(),
            _ => sql.into(),
        }
    }
}

/// Returns the statements that a change of the schema is on DSQL. Each can be run again.
pub(super) fn on_dsql(sql: &str) -> Vec<String> {
    let statements = sql.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    statements.map(|statement| index(&replaced(statement, &SCHEMA))).collect()
}

/// Returns the name of the index that a statement builds: DSQL builds it after the statement's end.
pub(super) fn built_index(statement: &str) -> Option<&str> {
    let (head, rest) = statement.split_once(" INDEX ASYNC IF NOT EXISTS ")?;
    let name = rest.split_whitespace().next()?;
    head.starts_with("CREATE").then_some(name)
}

fn replaced(sql: &str, replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(sql.to_owned(), |sql, (ours, theirs)| sql.replace(ours, theirs))
}

fn index(statement: &str) -> String {
    for begin in ["CREATE INDEX ", "CREATE UNIQUE INDEX "] {
        if let Some(rest) = statement.strip_prefix(begin) {
            let rest = rest.trim_start_matches("CONCURRENTLY ").trim_start_matches("IF NOT EXISTS ");
            return format!("{begin}ASYNC IF NOT EXISTS {rest}");
        }
    }
    statement.to_owned()
}

/// Bytes that are a key, or part of one: a `bytea`, or their hexadecimal digits as text where that can't be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a>(pub &'a [u8]);

/// 32 bytes of a row's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyOfRow(pub [u8; 32]);

impl ToSql for Key<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if *kind == Type::BYTEA {
            out.put_slice(self.0);
        } else {
            let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
            self.0.iter().for_each(|byte| out.put_slice(&digits(byte)));
        }
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        [Type::BYTEA, Type::TEXT].contains(kind)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for KeyOfRow {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        if *kind == Type::BYTEA {
            return Ok(Self(raw.try_into()?));
        }
        let mut bytes = [0; 32];
        if raw.len() != 2 * bytes.len() {
            return Err("a key has another length".into());
        }
        for (byte, digits) in bytes.iter_mut().zip(raw.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits)?, 16)?;
        }
        Ok(Self(bytes))
    }

    fn accepts(kind: &Type) -> bool {
        [Type::BYTEA, Type::TEXT].contains(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_of_the_schema_becomes_statements_that_dsql_takes_and_can_run_again() {
        let users = "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL);
             CREATE UNIQUE INDEX users_email ON users (lower(email COLLATE \"C\"))";
        assert_eq!(
            on_dsql(users),
            [
                "CREATE TABLE IF NOT EXISTS users (id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY, email text NOT NULL)",
                "CREATE UNIQUE INDEX ASYNC IF NOT EXISTS users_email ON users (lower(email))",
            ]
        );
        for (ours, theirs) in [
            ("CREATE TABLE IF NOT EXISTS a (k bytea PRIMARY KEY)", "CREATE TABLE IF NOT EXISTS a (k text PRIMARY KEY)"),
            ("ALTER TABLE users ADD COLUMN d timestamptz;", "ALTER TABLE users ADD COLUMN IF NOT EXISTS d timestamptz"),
            ("CREATE INDEX IF NOT EXISTS i ON a (t DESC);", "CREATE INDEX ASYNC IF NOT EXISTS i ON a (t)"),
            ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (t)", "CREATE INDEX ASYNC IF NOT EXISTS i ON a (t)"),
            ("DROP INDEX CONCURRENTLY IF EXISTS i", "DROP INDEX IF EXISTS i"),
        ] {
            assert_eq!(on_dsql(ours), [theirs]);
        }
    }

    #[test]
    fn the_index_that_is_built_after_its_statement_is_known_by_its_name() {
        assert_eq!(
            built_index("CREATE UNIQUE INDEX ASYNC IF NOT EXISTS users_email ON users (a)"),
            Some("users_email")
        );
        assert_eq!(built_index("CREATE TABLE IF NOT EXISTS users (a int)"), None);
    }

    #[test]
    fn statements_lose_what_dsql_does_not_have_and_are_the_same_on_postgresql() {
        let sql = "UPDATE a SET n = 1 WHERE k IN (SELECT k FROM a WHERE k = ANY($1::bytea[]) FOR UPDATE SKIP LOCKED)";
        assert_eq!(Engine::Postgres.statement(sql), sql);
        assert_eq!(
            Engine::Dsql.statement(sql),
            "UPDATE a SET n = 1 WHERE k IN (SELECT k FROM a WHERE k = ANY($1::text[]))"
        );
        assert_eq!(Engine::Dsql.statement("SELECT 1 FROM a FOR NO KEY UPDATE"), "SELECT 1 FROM a FOR UPDATE");
        assert_eq!(Engine::Dsql.statement("SELECT 1"), "SELECT 1");
    }

    #[test]
    fn a_key_is_no_column_of_another_type() {
        for (kind, is_one) in [(Type::BYTEA, true), (Type::TEXT, true), (Type::INT8, false), (Type::UUID, false)] {
            assert_eq!((Key::accepts(&kind), KeyOfRow::accepts(&kind)), (is_one, is_one), "{kind}");
        }
    }

    #[test]
    fn a_key_is_bytes_or_their_digits_and_is_read_as_it_was_written() {
        let key: Vec<u8> = (0..32).map(|n| n * 8 + 3).collect();
        for (kind, length) in [(Type::BYTEA, 32), (Type::TEXT, 64)] {
            let mut written = BytesMut::new();
            Key(&key).to_sql(&kind, &mut written).unwrap();
            assert_eq!(written.len(), length);
            assert_eq!(KeyOfRow::from_sql(&kind, &written).unwrap().0[..], key[..]);
        }
        assert!(KeyOfRow::from_sql(&Type::TEXT, b"short").is_err());
        assert!(KeyOfRow::from_sql(&Type::TEXT, &[b'x'; 64]).is_err());
    }
}
