//! The SQL of diaries. Each statement names the owner, so that another user's diary is not found.

use std::collections::HashSet;

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

/// A page has no further diary after this many bytes of text, as stored or as JSON. The 20 longest texts in ASCII, with
/// descriptions, fit as they are stored.
const PAGE_BYTES: i32 = 400_000;
/// A byte of text needs at most so many in JSON: `\u0001`.
const LONGEST_ESCAPE: i32 = 6;
/// Up to this many bytes a list's first query returns the text and its description: even the longest page of them has little more
/// than `PAGE_BYTES`.
const SHORT: i32 = 4_000;

/// Which diaries of whom are listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) owner: UserId,
    /// Only ids below this one.
    pub(super) before: i64,
    pub(super) most: u16,
}

/// Returns the page of each who asked. It is never empty if there are such diaries, but it can be shorter than `most`, because
/// texts need memory here.
///
/// The query leaves out long texts and returns their length, which PostgreSQL knows without reading them. Another query reads
/// those that the pages have room for. Most pages have none.
pub(super) async fn newest(queries: &impl Queries, asked: &[Asked]) -> Result<Vec<Page>, DatabaseError> {
    let sql = "SELECT asked.place, id, CASE WHEN bytes <= $4 THEN text ELSE '' END AS text, \
                   CASE WHEN bytes <= $4 THEN alt ELSE '' END AS alt, \
                   picture, created_at, updated_at, deleted_at, bytes \
               FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) \
                   WITH ORDINALITY AS asked (owner, before, most, place) \
               CROSS JOIN LATERAL ( \
                   SELECT *, octet_length(text) + octet_length(alt) AS bytes FROM diaries \
                   WHERE user_id = asked.owner AND id < asked.before AND deleted_at IS NULL \
                   ORDER BY id DESC LIMIT asked.most + 1) found \
               ORDER BY asked.place, id DESC";
    let owners: Vec<i64> = asked.iter().map(|asked| asked.owner.get()).collect();
    let befores: Vec<i64> = asked.iter().map(|asked| asked.before).collect();
    let mosts: Vec<i64> = asked.iter().map(|asked| i64::from(asked.most)).collect();
    let mut pages = vec![Page::default(); asked.len()];
    let mut bytes = vec![0; asked.len()];
    let mut long = Vec::new();
    for row in queries.query(sql, &[&owners, &befores, &mosts, &SHORT]).await? {
        let place = place(&row)?;
        let (asked, page) = (asked[place], &mut pages[place]);
        page.more = page.diaries.len() == usize::from(asked.most) || bytes[place] >= PAGE_BYTES;
        if page.more {
            continue;
        }
        let length: i32 = row.try_get("bytes").map_err(DatabaseError::Decode)?;
        let diary = diary(&row)?;
        bytes[place] += length;
        if length > SHORT {
            long.push((place, asked.owner, diary.id));
        }
        page.diaries.push(diary);
    }
    if !long.is_empty() {
        add_long(queries, &long, &mut pages).await?;
    }
    // PostgreSQL cannot count what JSON escapes without reading the long texts. Most pages are too short for it to matter.
    for (page, _) in pages.iter_mut().zip(bytes).filter(|(_, bytes)| *bytes > PAGE_BYTES / LONGEST_ESCAPE) {
        page.end_early();
    }
    Ok(pages)
}

impl Page {
    /// Removes the diaries that follow the first `PAGE_BYTES` of JSON.
    fn end_early(&mut self) {
        let mut left = usize::try_from(PAGE_BYTES).expect("it is positive");
        let fitting = self.diaries.iter().take_while(|diary| {
            let fits = left > 0;
            left = left.saturating_sub(json_length(&diary.text));
            fits
        });
        let fitting = fitting.count();
        self.more |= fitting < self.diaries.len();
        self.diaries.truncate(fitting);
    }
}

/// Returns how many bytes a text needs in JSON, between the quotes.
fn json_length(text: &str) -> usize {
    let length = |byte| match byte {
        b'"' | b'\\' | b'\t' | b'\n' | b'\r' | b'\x08' | b'\x0c' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(length).sum()
}

/// Reads the diaries whose texts a list's query left out. A row that is gone meanwhile, with its user, leaves its page.
async fn add_long(
    queries: &impl Queries,
    long: &[(usize, UserId, DiaryId)],
    pages: &mut [Page],
) -> Result<(), DatabaseError> {
    let sql = concat!(
        "SELECT long.place, ",
        columns!(),
        " FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS long (owner, diary, place) \
          JOIN diaries ON user_id = owner AND id = diary"
    );
    let (owners, ids): (Vec<i64>, Vec<i64>) = long.iter().map(|(_, owner, id)| (owner.get(), id.get())).unzip();
    let mut gone: HashSet<(usize, DiaryId)> = long.iter().map(|(page, _, id)| (*page, *id)).collect();
    for row in queries.query(sql, &[&owners, &ids]).await? {
        let (page, whole) = (long[place(&row)?].0, diary(&row)?);
        gone.remove(&(page, whole.id));
        if let Some(listed) = pages[page].diaries.iter_mut().find(|listed| listed.id == whole.id) {
            // Also one that was deleted since: a page that lost all would end the list.
            *listed = Diary { deleted_at: None, ..whole };
        }
    }
    for (page, id) in gone {
        pages[page].diaries.retain(|listed| listed.id != id);
    }
    Ok(())
}

/// Returns the index of what was asked for in the arrays that the query unnests.
fn place(row: &Row) -> Result<usize, DatabaseError> {
    let place: i64 = row.try_get("place").map_err(DatabaseError::Decode)?;
    Ok(usize::try_from(place - 1).expect("ordinality counts from 1"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_text_in_json_is_that_of_what_serde_writes() {
        for c in ('\0'..='\u{ff}').chain(['\u{2028}', '\u{fffd}', '\u{1f327}']) {
            let text = format!("a{c}b");
            assert_eq!(json_length(&text) + 2, serde_json::to_string(&text).unwrap().len(), "{c:?}");
        }
    }
}
