//! The SQL of sessions and attempts.

use std::collections::HashMap;
use std::time::Duration;

use time::OffsetDateTime;
use tokio_postgres::Row;

use super::config::SessionLimits;
use super::counter::Counter;
use super::id::{SessionId, UserId};
use super::token::{Token, TokenHash};
use crate::database::{DatabaseError, Key, KeyOfRow, Queries};

/// Sessions of one user. The oldest ends when there would be more.
const MOST_SESSIONS: i64 = 100;
/// Rows that one statement of the sweep removes.
const PIECE: i64 = 1000;

/// A session as a look-up finds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) id: SessionId,
    pub(super) user: UserId,
    pub(super) seen_long_ago: bool,
}

/// A session that was opened.
#[derive(Debug)]
pub struct Opened {
    /// Its token, which is stored nowhere.
    pub token: Token,
    /// Whose it is.
    pub user: UserId,
    /// The session.
    pub session: Listed,
    /// How many of the user's oldest sessions ended for it.
    pub ended: u64,
}

/// A session as its user sees it.
#[derive(Debug)]
pub struct Listed {
    pub id: SessionId,
    pub created_at: OffsetDateTime,
    pub last_seen: OffsetDateTime,
    pub user_agent: Option<String>,
}

/// What a counter has counted.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) key: [u8; 32],
    pub(super) n: i32,
    pub(super) ends_in: Duration,
}

/// SQL that depends on how long sessions last.
#[derive(Clone)]
pub(super) struct Store {
    idle: f64,
    lifetime: f64,
}

impl Store {
    pub(super) fn new(limits: &SessionLimits) -> Self {
        Self { idle: limits.idle.as_secs_f64(), lifetime: limits.lifetime.as_secs_f64() }
    }

    /// Returns those of the sessions that have not ended.
    pub(super) async fn find(
        &self,
        queries: &impl Queries,
        tokens: &[TokenHash],
    ) -> Result<HashMap<TokenHash, Found>, DatabaseError> {
        let sql = "SELECT token_hash, id, user_id, last_seen < now() - interval '1 minute' FROM sessions \
                   WHERE token_hash = ANY($1) AND last_seen > now() - make_interval(secs => $2) \
                   AND created_at > now() - make_interval(secs => $3)";
        let tokens: Vec<Key<'_>> = tokens.iter().map(TokenHash::key).collect();
        let rows = queries.query(sql, &[&tokens, &self.idle, &self.lifetime]).await?;
        let found = |row: &Row| {
            let (id, user) = (SessionId::of_row(row.try_get(1)?), UserId::of_row(row.try_get(2)?));
            let token = TokenHash::of_row(row.try_get(0)?);
            Ok((token, Found { id, user, seen_long_ago: row.try_get(3)? }))
        };
        rows.iter().map(found).collect::<Result<_, _>>().map_err(DatabaseError::Decode)
    }

    pub(super) async fn open(
        &self,
        queries: &impl Queries,
        user: UserId,
        user_agent: Option<&str>,
    ) -> Result<Opened, DatabaseError> {
        let trim = "DELETE FROM sessions WHERE user_id = $1 AND id IN \
                    (SELECT id FROM sessions WHERE user_id = $1 ORDER BY id DESC OFFSET $2)";
        let ended = queries.execute(trim, &[&user.get(), &(MOST_SESSIONS - 1)]).await?;
        let token = Token::generate();
        let insert = "INSERT INTO sessions (token_hash, user_id, user_agent) VALUES ($1, $2, $3) \
                      RETURNING id, created_at, last_seen, user_agent";
        let row = queries.query_one(insert, &[&token.hash().key(), &user.get(), &user_agent]).await?;
        Ok(Opened { token, user, session: listed(&row).map_err(DatabaseError::Decode)?, ended })
    }

    pub(super) async fn list(&self, queries: &impl Queries, user: UserId) -> Result<Vec<Listed>, DatabaseError> {
        let sql = "SELECT id, created_at, last_seen, user_agent FROM sessions WHERE user_id = $1 \
                   AND last_seen > now() - make_interval(secs => $2) \
                   AND created_at > now() - make_interval(secs => $3) ORDER BY id DESC";
        let rows = queries.query(sql, &[&user.get(), &self.idle, &self.lifetime]).await?;
        rows.iter().map(listed).collect::<Result<_, _>>().map_err(DatabaseError::Decode)
    }

    pub(super) async fn remove_expired(&self, queries: &impl Queries) -> Result<u64, DatabaseError> {
        let sessions = "DELETE FROM sessions WHERE token_hash IN (SELECT token_hash FROM sessions \
                        WHERE last_seen <= now() - make_interval(secs => $1) \
                        OR created_at <= now() - make_interval(secs => $2) LIMIT $3)";
        let attempts = "DELETE FROM attempts WHERE key IN (SELECT key FROM attempts WHERE ends_at <= now() LIMIT $1)";
        let mut removed = 0;
        loop {
            let ended = queries.execute(sessions, &[&self.idle, &self.lifetime, &PIECE]).await?;
            let counts = queries.execute(attempts, &[&PIECE]).await?;
            removed += ended + counts;
            if ended.max(counts) < PIECE.unsigned_abs() {
                return Ok(removed);
            }
        }
    }
}

fn listed(row: &Row) -> Result<Listed, tokio_postgres::Error> {
    Ok(Listed {
        id: SessionId::of_row(row.try_get(0)?),
        created_at: row.try_get(1)?,
        last_seen: row.try_get(2)?,
        user_agent: row.try_get(3)?,
    })
}

/// Rows that another session of the database has locked are left out: that session writes them.
pub(super) async fn mark_seen(queries: &impl Queries, tokens: &[TokenHash]) -> Result<u64, DatabaseError> {
    let sql = "UPDATE sessions SET last_seen = now() WHERE token_hash IN (SELECT token_hash FROM sessions \
               WHERE token_hash = ANY($1) AND last_seen < now() - interval '1 minute' FOR UPDATE SKIP LOCKED)";
    let tokens: Vec<Key<'_>> = tokens.iter().map(TokenHash::key).collect();
    queries.execute(sql, &[&tokens]).await
}

/// Ends one session of this user.
pub(super) async fn end(queries: &impl Queries, user: UserId, id: SessionId) -> Result<bool, DatabaseError> {
    let sql = "DELETE FROM sessions WHERE user_id = $1 AND id = $2";
    Ok(queries.execute(sql, &[&user.get(), &id.get()]).await? > 0)
}

/// Ends all sessions of this user but one.
pub(super) async fn end_others(queries: &impl Queries, user: UserId, kept: SessionId) -> Result<u64, DatabaseError> {
    let sql = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
    queries.execute(sql, &[&user.get(), &kept.get()]).await
}

/// Ends all sessions of this user.
pub(super) async fn end_all(queries: &impl Queries, user: UserId) -> Result<u64, DatabaseError> {
    queries.execute("DELETE FROM sessions WHERE user_id = $1", &[&user.get()]).await
}

/// Ends the session of this token, and returns whose it was.
pub(super) async fn end_presented(queries: &impl Queries, token: TokenHash) -> Result<Option<UserId>, DatabaseError> {
    let sql = "DELETE FROM sessions WHERE token_hash = $1 RETURNING user_id";
    let row = queries.query_opt(sql, &[&token.key()]).await?;
    row.map(|row| row.try_get(0).map(UserId::of_row)).transpose().map_err(DatabaseError::Decode)
}

/// Counts one more for each, and returns the counts. The keys are sorted, so that no two attempts wait for each other.
pub(super) async fn count(queries: &impl Queries, counters: &[Counter]) -> Result<Vec<Count>, DatabaseError> {
    let sql = "INSERT INTO attempts AS a (key, n, ends_at) \
               SELECT key, 1, now() + make_interval(secs => seconds) \
               FROM unnest($1::bytea[], $2::float8[]) AS counters (key, seconds) ORDER BY key \
               ON CONFLICT (key) DO UPDATE SET \
               n = CASE WHEN a.ends_at <= now() THEN 1 ELSE a.n + 1 END, \
               ends_at = CASE WHEN a.ends_at <= now() THEN excluded.ends_at ELSE a.ends_at END \
               RETURNING key, n, extract(epoch FROM ends_at - now())::float8";
    let keys: Vec<Key<'_>> = counters.iter().map(|counter| Key(&counter.key)).collect();
    let windows: Vec<f64> = counters.iter().map(|counter| counter.window.as_secs_f64()).collect();
    let rows = queries.query(sql, &[&keys, &windows]).await?;
    let count = |row: &Row| {
        let KeyOfRow(key) = row.try_get(0)?;
        let ends_in = Duration::try_from_secs_f64(row.try_get(2)?).unwrap_or_default();
        Ok(Count { key, n: row.try_get(1)?, ends_in })
    };
    rows.iter().map(count).collect::<Result<_, _>>().map_err(DatabaseError::Decode)
}

/// Takes one from each of `less`, and all from each of `cleared`.
pub(super) async fn give_back(
    queries: &impl Queries,
    less: Vec<Key<'_>>,
    cleared: Vec<Key<'_>>,
) -> Result<(), DatabaseError> {
    let sql = "UPDATE attempts SET n = CASE WHEN key = ANY($2) THEN 0 ELSE greatest(n - 1, 0) END WHERE key IN \
               (SELECT key FROM attempts WHERE key = ANY($1) OR key = ANY($2) ORDER BY key FOR UPDATE)";
    queries.execute(sql, &[&less, &cleared]).await.map(drop)
}
