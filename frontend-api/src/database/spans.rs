//! The spans of statements. They hold the statement's kind and its table, never its text or its values.

use causeway_common::telemetry::trace::{self, Client};

use super::DatabaseError;
use super::credentials::Credentials;
use super::metrics::cause;

/// Where statements go.
#[derive(Debug, Clone, Default)]
pub(super) struct Peer {
    host: String,
    port: u16,
    database: String,
}

impl From<&Credentials> for Peer {
    fn from(credentials: &Credentials) -> Self {
        Self { host: credentials.host.clone(), port: credentials.port, database: credentials.name.clone() }
    }
}

/// Starts the span of a statement, if the request that it belongs to is traced.
pub(super) fn start(sql: &str, peer: impl FnOnce() -> Peer) -> Client {
    Client::start(|| {
        let peer = peer();
        let (operation, table) = summarize(sql);
        let summary = table.map_or_else(|| operation.to_owned(), |table| format!("{operation} {table}"));
        let attributes = [
            // X-Ray reads the older names.
            ("db.system", Some("postgresql".into())),
            ("db.name", Some(peer.database.clone().into())),
            ("db.system.name", Some("postgresql".into())),
            ("db.namespace", Some(peer.database.clone().into())),
            ("db.operation.name", Some(operation.to_owned().into())),
            ("db.collection.name", table.map(|table| table.to_owned().into())),
            ("db.query.summary", Some(summary.clone().into())),
            ("db.operation.batch.size", trace::batch_size().map(Into::into)),
            ("server.address", Some(peer.host.clone().into())),
            ("server.port", Some(i64::from(peer.port).into())),
        ];
        let attributes = attributes.into_iter().filter_map(|(name, value)| Some((name, value?)));
        trace::Call {
            name: summary.into(),
            peer: format!("{}@{}", peer.database, peer.host),
            attributes: attributes.collect(),
        }
    })
}

/// Notes why a statement failed.
pub(super) fn failed(span: &mut Client, error: &DatabaseError) {
    if let Some(code) = error.sqlstate() {
        span.set("db.response.status_code", code.code().to_owned());
    }
    span.failed(|| error.sqlstate().map_or_else(|| cause(error).to_owned(), |code| code.code().to_owned()));
}

/// Returns what a statement does and the table that it names first.
fn summarize(sql: &str) -> (&str, Option<&str>) {
    const OPERATIONS: [&str; 4] = ["INSERT", "UPDATE", "DELETE", "SELECT"];
    let words = || sql.split_whitespace();
    let first = words().next().unwrap_or_default();
    let operation = if first == "WITH" { words().find(|word| OPERATIONS.contains(word)) } else { None };
    let named = words().zip(words().skip(1)).filter(|(word, _)| matches!(*word, "INTO" | "FROM" | "UPDATE"));
    let tables = named.map(|(_, table)| table.trim_matches(|c: char| matches!(c, '"' | ',' | ';' | ')')));
    let is_name = |table: &&str| {
        !table.is_empty()
            && table.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.'))
    };
    (operation.unwrap_or(first), { tables }.find(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_named_by_what_it_does_and_its_table() {
        for (sql, expected) in [
            ("INSERT INTO access (a, b) SELECT * FROM unnest($1::int[])", ("INSERT", Some("access"))),
            (
                "SELECT a FROM unnest($1::uuid[]) AS o JOIN LATERAL (SELECT x FROM diaries) d",
                ("SELECT", Some("diaries")),
            ),
            ("SELECT a FROM users WHERE name = 'secret'", ("SELECT", Some("users"))),
            ("UPDATE users SET a = $1", ("UPDATE", Some("users"))),
            ("DELETE FROM \"sessions\"", ("DELETE", Some("sessions"))),
            ("WITH gone AS (SELECT 1 FROM a) DELETE FROM b", ("DELETE", Some("a"))),
            ("COMMIT", ("COMMIT", None)),
            ("", ("", None)),
        ] {
            assert_eq!(summarize(sql), expected, "{sql}");
        }
    }
}
