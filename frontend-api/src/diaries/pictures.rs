//! The table of pictures: each object in the bucket has a row, from before it is written until after it is removed.
//!
//! | State | Object | Diary |
//! |---|---|---|
//! | `pending` | may be there | none yet |
//! | `stored` | is there | names the picture; `NULL` once it is gone for good |
//! | `removing` | may be there | none |

use crate::auth::UserId;
use crate::database::{DatabaseError, Queries};

/// Says that an object is about to be written.
pub(super) async fn announce(queries: &impl Queries, key: &str, owner: UserId) -> Result<(), DatabaseError> {
    let sql = "INSERT INTO pictures (key, state, owner) VALUES ($1, 'pending', $2)";
    queries.execute(sql, &[&key, &owner.get()]).await.map(drop)
}

/// Says that the object is there and which diary names it. Returns false if the sweep has taken the row.
pub(super) async fn settle(queries: &impl Queries, key: &str, bytes: i64, diary: i64) -> Result<bool, DatabaseError> {
    let sql = "UPDATE pictures SET state = 'stored', bytes = $2, diary = $3 WHERE key = $1 AND state = 'pending'";
    Ok(queries.execute(sql, &[&key, &bytes, &diary]).await? == 1)
}

/// Returns how many bytes the pictures of `owner` have.
pub(super) async fn bytes_of(queries: &impl Queries, owner: UserId) -> Result<i64, DatabaseError> {
    let sql = "SELECT coalesce(sum(bytes), 0)::bigint FROM pictures WHERE owner = $1";
    queries.query_one(sql, &[&owner.get()]).await?.try_get(0).map_err(DatabaseError::Decode)
}

/// Takes some pictures that are to be removed, and returns their keys.
pub(super) async fn take_unwanted(queries: &impl Queries, most: i64) -> Result<Vec<String>, DatabaseError> {
    let sql = "UPDATE pictures SET state = 'removing' WHERE key IN ( \
                   SELECT key FROM pictures WHERE (state <> 'stored' OR diary IS NULL) \
                   AND (state <> 'pending' OR created_at < now() - interval '1 hour') LIMIT $1 FOR UPDATE) \
               RETURNING key";
    let rows = queries.query(sql, &[&most]).await?;
    rows.iter().map(|row| row.try_get(0).map_err(DatabaseError::Decode)).collect()
}

/// Forgets a picture whose object has been removed.
pub(super) async fn forget(queries: &impl Queries, key: &str) -> Result<(), DatabaseError> {
    let sql = "DELETE FROM pictures WHERE key = $1 AND state = 'removing'";
    queries.execute(sql, &[&key]).await.map(drop)
}
