//! Diaries as the API shows them.

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::store::Diary;
use crate::auth::DiaryId;

/// A diary.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = Diary)]
pub struct ShownDiary {
    #[serde(rename = "ID")]
    id: DiaryId,
    /// UTC.
    #[serde(serialize_with = "timestamp")]
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T09:12:20.10066Z")]
    created_at: OffsetDateTime,
    /// UTC.
    #[serde(serialize_with = "timestamp")]
    #[schema(value_type = String, format = DateTime)]
    updated_at: OffsetDateTime,
    /// UTC. Null unless it has just been deleted.
    #[serde(serialize_with = "optional_timestamp")]
    #[schema(value_type = Option<String>, format = DateTime)]
    deleted_at: Option<OffsetDateTime>,
    text: String,
    /// The path of the picture; empty without one.
    #[schema(example = "/diaries/1/image")]
    img: String,
}

impl From<Diary> for ShownDiary {
    fn from(diary: Diary) -> Self {
        let Diary { id, text, created_at, updated_at, deleted_at, .. } = diary;
        let img = diary.picture.map(|_| format!("/diaries/{id}/image")).unwrap_or_default();
        Self { id, created_at, updated_at, deleted_at, text, img }
    }
}

/// As Go writes times: a fraction without zeros at its end, and `Z`.
fn timestamp<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    let utc = time.to_offset(time::UtcOffset::UTC);
    serializer.serialize_str(&utc.format(&Rfc3339).map_err(serde::ser::Error::custom)?)
}

#[expect(clippy::ref_option, reason = "serde wants it so")]
fn optional_timestamp<S: Serializer>(time: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => timestamp(time, serializer),
        None => serializer.serialize_none(),
    }
}
