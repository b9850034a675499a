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

impl Diary {
    /// One with a picture.
    #[cfg(test)]
    pub(crate) fn for_tests(id: DiaryId, text: &str, at: OffsetDateTime) -> Self {
        let (text, alt, picture) = (text.to_owned(), "Reeds".to_owned(), Some("a".to_owned()));
        Self { id, text, alt, picture, created_at: at, updated_at: at, deleted_at: None }
    }

    /// Returns whether it has a picture.
    pub fn has_picture(&self) -> bool {
        self.picture.is_some()
    }
}

/// Some diaries of one user, the newest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// As many as were asked for, or fewer.
    pub diaries: Vec<Diary>,
    /// Whether there are older ones.
    pub more: bool,
}

/// A page has no further diary after this many bytes of text. The 20 longest texts in ASCII, with descriptions, fit.
const PAGE_BYTES: i64 = 400_000;

/// Which diaries of whom are listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) owner: UserId,
    /// Only ids below this one.
    pub(super) before: i64,
    pub(super) most: i64,
}

/// Returns the page of each who asked. It is never empty if there are such diaries, but it can be shorter than `most`: the
/// length of a text says how much memory it needs here, and PostgreSQL knows that without reading the text.
pub(super) async fn newest(queries: &impl Queries, asked: &[Asked]) -> Result<Vec<Page>, DatabaseError> {
    let sql = "SELECT asked.place, d.id, d.text, d.alt, d.picture, d.created_at, d.updated_at, d.deleted_at, d.more \
               FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) \
                   WITH ORDINALITY AS asked (owner, before, most, place) \
               CROSS JOIN LATERAL ( \
                   SELECT found.*, row_number() OVER newer AS nth, lead(id) OVER newer IS NOT NULL AS more, \
                       coalesce(sum(octet_length(text) + octet_length(alt)) OVER newer, 0) AS bytes_before \
                   FROM (SELECT id, text, alt, picture, created_at, updated_at, deleted_at FROM diaries \
                         WHERE user_id = asked.owner AND id < asked.before AND deleted_at IS NULL \
                         ORDER BY id DESC LIMIT asked.most + 1) found \
                   WINDOW newer AS (ORDER BY id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) d \
               WHERE d.nth <= asked.most AND d.bytes_before < $4 \
               ORDER BY asked.place, d.id DESC";
    let owners: Vec<i64> = asked.iter().map(|asked| asked.owner.get()).collect();
    let befores: Vec<i64> = asked.iter().map(|asked| asked.before).collect();
    let mosts: Vec<i64> = asked.iter().map(|asked| asked.most).collect();
    let mut found = vec![Page::default(); asked.len()];
    for row in queries.query(sql, &[&owners, &befores, &mosts, &PAGE_BYTES]).await? {
        let place: i64 = row.try_get("place").map_err(DatabaseError::Decode)?;
        let place = usize::try_from(place - 1).expect("ordinality counts from 1");
        found[place].diaries.push(diary(&row)?);
        found[place].more = row.try_get("more").map_err(DatabaseError::Decode)?;
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
    (text, alt): (&str, Option<&str>),
) -> Result<Option<Diary>, DatabaseError> {
    let sql = concat!(
        "UPDATE diaries SET text = $3, alt = coalesce($4, alt), updated_at = now() \
         WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING ",
        columns!()
    );
    queries.query_opt(sql, &[&owner.get(), &id.get(), &text, &alt]).await?.as_ref().map(diary).transpose()
}

pub(super) async fn delete(queries: &impl Queries, owner: UserId, id: DiaryId) -> Result<Option<Diary>, DatabaseError> {
    let sql = concat!(
        "UPDATE diaries SET deleted_at = now() WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING ",
        columns!()
    );
    queries.query_opt(sql, &[&owner.get(), &id.get()]).await?.as_ref().map(diary).transpose()
}

/// The sweep may come later than after 30 days; until then the diary is there, but it is not shown any more.
pub(super) async fn restore(
    queries: &impl Queries,
    owner: UserId,
    id: DiaryId,
) -> Result<Option<Diary>, DatabaseError> {
    let sql = concat!(
        "UPDATE diaries SET deleted_at = NULL WHERE user_id = $1 AND id = $2 \
         AND (deleted_at IS NULL OR deleted_at >= now() - interval '30 days') RETURNING ",
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
