//! The SQL of diaries. Each statement names the owner, so that another user's diary is not found.

use time::OffsetDateTime;
use tokio_postgres::Row;

use super::Entry;
use crate::auth::{DiaryId, UserId};
use crate::database::{DatabaseError, Queries};

macro_rules! columns {
    () => {
        "id, text, alt, picture, created_at, updated_at, deleted_at"
    };
}

/// One diary.
#[derive(Debug, Clone)]
pub struct Diary {
    /// From 1 on, over all users.
    pub id: DiaryId,
    /// What was written.
    pub text: String,
    /// What the picture shows, in words.
    #[allow(dead_code, reason = "the pages show it")]
    pub alt: String,
    /// The key of its object.
    pub(super) picture: Option<String>,
    /// When it was written.
    pub created_at: OffsetDateTime,
    /// When it was changed last.
    pub updated_at: OffsetDateTime,
    /// When it was deleted.
    pub deleted_at: Option<OffsetDateTime>,
}

/// Which diaries of whom are listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) owner: UserId,
    /// Only ids below this one.
    pub(super) before: i64,
    pub(super) most: i64,
}

/// Returns the diaries of each who asked, the newest first.
pub(super) async fn newest(queries: &impl Queries, asked: &[Asked]) -> Result<Vec<Vec<Diary>>, DatabaseError> {
    let sql = "SELECT asked.place, d.* \
               FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) \
                   WITH ORDINALITY AS asked (owner, before, most, place) \
               CROSS JOIN LATERAL ( \
                   SELECT id, text, alt, picture, created_at, updated_at, deleted_at FROM diaries \
                   WHERE user_id = asked.owner AND id < asked.before AND deleted_at IS NULL \
                   ORDER BY id DESC LIMIT asked.most) d \
               ORDER BY asked.place, d.id DESC";
    let owners: Vec<i64> = asked.iter().map(|asked| asked.owner.get()).collect();
    let befores: Vec<i64> = asked.iter().map(|asked| asked.before).collect();
    let mosts: Vec<i64> = asked.iter().map(|asked| asked.most).collect();
    let mut found = vec![Vec::new(); asked.len()];
    for row in queries.query(sql, &[&owners, &befores, &mosts]).await? {
        let place: i64 = row.try_get("place").map_err(DatabaseError::Decode)?;
        let place = usize::try_from(place - 1).expect("ordinality counts from 1");
        found[place].push(diary(&row)?);
    }
    Ok(found)
}

pub(super) async fn find(queries: &impl Queries, owner: UserId, id: DiaryId) -> Result<Option<Diary>, DatabaseError> {
    let sql = concat!("SELECT ", columns!(), " FROM diaries WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL");
    queries.query_opt(sql, &[&owner.get(), &id.get()]).await?.as_ref().map(diary).transpose()
}

pub(super) async fn insert(
    queries: &impl Queries,
    owner: UserId,
    entry: &Entry,
    picture: Option<&str>,
) -> Result<Diary, DatabaseError> {
    let sql =
        concat!("INSERT INTO diaries (user_id, text, alt, picture) VALUES ($1, $2, $3, $4) RETURNING ", columns!());
    diary(&queries.query_one(sql, &[&owner.get(), &entry.text, &entry.alt, &picture]).await?)
}

pub(super) async fn change(
    queries: &impl Queries,
    owner: UserId,
    id: DiaryId,
    text: &str,
) -> Result<Option<Diary>, DatabaseError> {
    let sql = concat!(
        "UPDATE diaries SET text = $3, updated_at = now() WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING ",
        columns!()
    );
    queries.query_opt(sql, &[&owner.get(), &id.get(), &text]).await?.as_ref().map(diary).transpose()
}

pub(super) async fn delete(queries: &impl Queries, owner: UserId, id: DiaryId) -> Result<Option<Diary>, DatabaseError> {
    let sql = concat!(
        "UPDATE diaries SET deleted_at = now() WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING ",
        columns!()
    );
    queries.query_opt(sql, &[&owner.get(), &id.get()]).await?.as_ref().map(diary).transpose()
}

pub(super) async fn restore(
    queries: &impl Queries,
    owner: UserId,
    id: DiaryId,
) -> Result<Option<Diary>, DatabaseError> {
    let sql = concat!(
        "UPDATE diaries SET deleted_at = NULL WHERE user_id = $1 AND id = $2 AND deleted_at IS NOT NULL RETURNING ",
        columns!()
    );
    queries.query_opt(sql, &[&owner.get(), &id.get()]).await?.as_ref().map(diary).transpose()
}

fn diary(row: &Row) -> Result<Diary, DatabaseError> {
    let read = || {
        Ok(Diary {
            id: DiaryId::of_row(row.try_get("id")?),
            text: row.try_get("text")?,
            alt: row.try_get("alt")?,
            picture: row.try_get("picture")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            deleted_at: row.try_get("deleted_at")?,
        })
    };
    read().map_err(DatabaseError::Decode)
}
