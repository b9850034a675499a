//! `Idempotency-Key`: a request that is sent again with the same key and content gets the same answer and does nothing.

use std::str::FromStr;

use causeway_common::http::problem::FieldError;
use time::OffsetDateTime;

use crate::auth::{DiaryId, UserId};
use crate::database::{DatabaseError, Queries};

const LONGEST: usize = 255;

/// The value of `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Returns the key as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        let refused = || FieldError::new("Idempotency-Key", "is not 1 to 255 visible ASCII characters");
        fits.then(|| Self(text.to_owned())).ok_or_else(refused)
    }
}

/// What is known of a key.
#[derive(Debug)]
pub(super) enum Claim {
    /// It was free, and belongs to this attempt now.
    Ours,
    /// Another attempt is at work.
    InFlight,
    /// It was used for this.
    Used(Earlier),
}

/// What a key was used for.
#[derive(Debug)]
pub(super) struct Earlier {
    pub(super) digest: Vec<u8>,
    pub(super) diary: DiaryId,
    pub(super) created_at: OffsetDateTime,
}

/// Claims the key, which is free again after a day. An attempt of three minutes ago counts as dead: with the usual time limits
/// no upload takes as long, and one that does writes nothing, see [`record`].
pub(super) async fn claim(
    queries: &impl Queries,
    user: UserId,
    key: &IdempotencyKey,
    attempt: &str,
) -> Result<Claim, DatabaseError> {
    let sql = "INSERT INTO idempotency_keys AS k (user_id, key, attempt) VALUES ($1, $2, $3) \
               ON CONFLICT (user_id, key) DO UPDATE \
               SET attempt = excluded.attempt, created_at = now(), digest = NULL, diary = NULL, diary_created_at = NULL \
               WHERE k.created_at < now() - CASE WHEN k.digest IS NULL THEN interval '3 minutes' ELSE interval '24 hours' END";
    if queries.execute(sql, &[&user.get(), &key.0, &attempt]).await? == 1 {
        return Ok(Claim::Ours);
    }
    let sql = "SELECT digest, diary, diary_created_at FROM idempotency_keys \
               WHERE user_id = $1 AND key = $2 AND digest IS NOT NULL";
    let Some(row) = queries.query_opt(sql, &[&user.get(), &key.0]).await? else { return Ok(Claim::InFlight) };
    let earlier = || {
        let diary = DiaryId::of_row(row.try_get(1)?);
        Ok(Earlier { digest: row.try_get(0)?, diary, created_at: row.try_get(2)? })
    };
    earlier().map(Claim::Used).map_err(DatabaseError::Decode)
}

/// Records what the key was used for. Returns false if another attempt has claimed it meanwhile.
pub(super) async fn record(
    queries: &impl Queries,
    user: UserId,
    (key, attempt): (&IdempotencyKey, &str),
    earlier: &Earlier,
) -> Result<bool, DatabaseError> {
    let sql = "UPDATE idempotency_keys SET digest = $4, diary = $5, diary_created_at = $6 \
               WHERE user_id = $1 AND key = $2 AND attempt = $3";
    let Earlier { digest, diary, created_at } = earlier;
    Ok(queries.execute(sql, &[&user.get(), &key.0, &attempt, digest, &diary.get(), created_at]).await? == 1)
}

/// Frees the key, unless it was used.
pub(super) async fn free(
    queries: &impl Queries,
    user: UserId,
    key: &IdempotencyKey,
    attempt: &str,
) -> Result<(), DatabaseError> {
    let sql = "DELETE FROM idempotency_keys WHERE user_id = $1 AND key = $2 AND attempt = $3 AND digest IS NULL";
    queries.execute(sql, &[&user.get(), &key.0, &attempt]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_of_some_length() {
        for text in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", &"k".repeat(255)] {
            assert!(text.parse::<IdempotencyKey>().is_ok(), "{text}");
        }
        for text in ["", "a b", "\u{e4}", "a\0", &"k".repeat(256)] {
            assert!(text.parse::<IdempotencyKey>().is_err(), "{text}");
        }
    }
}
