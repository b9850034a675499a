//! Reads a diary from a request's body: a form with `text`, `alt` and `file`, or JSON with `text`.
//!
//! The picture goes on while it arrives. Names of files are never used. Each part may be there once, so that a flood of
//! parts ends at the second.

use std::io;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use causeway_common::http::arriving::Kept;
use causeway_common::http::limits::{BodyError, BodyStream, Clock};
use causeway_common::http::room::Room;
use futures_util::{StreamExt, TryStreamExt};
use serde::Deserialize;
use utoipa::ToSchema;

use super::error::DiaryError;
use super::picture::PictureError;
use super::{Entry, Writing};

/// Characters of a text.
pub const LONGEST_TEXT: usize = 20_000;
/// Characters that say what a picture shows.
pub const LONGEST_ALT: usize = 1000;
/// A character of JSON can need six bytes.
const LONGEST_JSON: usize = 6 * LONGEST_TEXT + 1024;
/// A form that is shorter can wait in memory for its place among the uploads.
pub(super) const SHORT: u64 = 128 * 1024;

/// A diary without a picture.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDiary {
    /// Not blank, and at most 20,000 characters.
    #[schema(max_length = 20000, example = "It rained.")]
    pub(super) text: String,
}

/// A diary with or without a picture.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
pub struct DiaryForm {
    /// At most 20,000 characters. It may be blank if there is a file.
    #[schema(max_length = 20000)]
    text: String,
    /// What the picture shows, in words.
    #[schema(max_length = 1000, required = false)]
    alt: String,
    /// A JPEG, PNG, WebP or GIF of at most 10 MB and 50 megapixels. Its metadata is not stored.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream", required = false)]
    file: Vec<u8>,
}

/// What has been read.
#[derive(Default)]
struct Parts {
    text: Option<(String, Room)>,
    alt: Option<(String, Room)>,
    has_file_part: bool,
    has_picture: bool,
}

/// Reads the body, and gives the picture to `writing`.
pub(super) async fn read(headers: &HeaderMap, body: BodyStream, writing: &mut Writing) -> Result<Entry, DiaryError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    if content_type.eq_ignore_ascii_case("application/json") {
        let NewDiary { text } = body.at_most(LONGEST_JSON).json().await?;
        check_text(&text)?;
        return Ok(Entry { text, alt: String::new() });
    }
    if !content_type.eq_ignore_ascii_case("multipart/form-data") {
        return Err(BodyError::MediaType("multipart/form-data or application/json").into());
    }
    read_form(headers, body, writing).await
}

async fn read_form(headers: &HeaderMap, body: BodyStream, writing: &mut Writing) -> Result<Entry, DiaryError> {
    let clock = body.clock();
    if body.announced().is_some_and(|length| length > SHORT) {
        writing.expect_picture(&clock).await?;
    }
    let mut form = multipart(headers, body);
    let mut parts = Parts::default();
    while let Some(field) = form.next().await {
        read_part(field.map_err(malformed)?, &mut parts, (writing, &clock)).await?;
    }
    let (text, _) = parts.text.ok_or_else(|| DiaryError::field("text", "is missing"))?;
    let (alt, _) = parts.alt.unwrap_or_default();
    if !parts.has_picture {
        check_text(&text)?;
    }
    Ok(Entry { text, alt })
}

/// Returns the parts of a form as they arrive. Errors of the body come out as errors of the payload: see [`malformed`].
pub(super) fn multipart(headers: &HeaderMap, body: BodyStream) -> Multipart {
    Multipart::new(headers, body.for_parser().map_err(|error| PayloadError::Io(io::Error::other(error))))
}

async fn read_part(
    field: Field,
    parts: &mut Parts,
    (writing, clock): (&mut Writing, &Clock),
) -> Result<(), DiaryError> {
    match field.name().unwrap_or_default() {
        "text" if parts.text.is_none() => parts.text = Some(text_of(field, "text", LONGEST_TEXT).await?),
        "alt" if parts.alt.is_none() => parts.alt = Some(text_of(field, "alt", LONGEST_ALT).await?),
        "file" if !parts.has_file_part => {
            parts.has_file_part = true;
            parts.has_picture = pass_on(field, writing, clock).await?;
        }
        name @ ("text" | "alt" | "file") => return Err(DiaryError::field(name.to_owned(), "is there twice")),
        _ => return Err(DiaryError::field("form", "has a part that is none of text, alt and file")),
    }
    Ok(())
}

/// Gives a file to `writing`. Returns false if there is none.
pub(super) async fn pass_on(mut field: Field, writing: &mut Writing, clock: &Clock) -> Result<bool, DiaryError> {
    let name = field.content_disposition().and_then(|disposition| disposition.get_filename());
    let has_name = name.is_some_and(|name| !name.is_empty());
    let mut has_content = false;
    while let Some(bytes) = field.next().await {
        has_content = true;
        writing.push(&bytes.map_err(malformed)?, clock).await?;
    }
    // A browser sends a part without name and content if no file was chosen.
    if has_name && !has_content { Err(PictureError::Unsupported { heif: false }.into()) } else { Ok(has_content) }
}

async fn text_of(field: Field, name: &'static str, longest: usize) -> Result<(String, Room), DiaryError> {
    // A character can need four bytes.
    let (text, room) = typed(field, name, 4 * longest, || too_long(name, longest)).await?;
    check_length(name, &text, longest)?;
    Ok((text, room))
}

/// Reads what was typed into a field: at most `most` bytes.
pub(super) async fn typed(
    mut field: Field,
    name: &'static str,
    most: usize,
    too_long: impl Fn() -> DiaryError,
) -> Result<(String, Room), DiaryError> {
    let mut kept = Kept::default();
    while let Some(chunk) = field.next().await {
        kept.push(&chunk.map_err(malformed)?).map_err(BodyError::from)?;
        if kept.len() > most {
            return Err(too_long());
        }
    }
    let (bytes, room) = kept.into_parts();
    let text = String::from_utf8(bytes.into()).map_err(|_| DiaryError::field(name, "is not UTF-8"))?;
    Ok((text, room))
}

/// Accepts the text of a diary without a picture.
pub(super) fn check_text(text: &str) -> Result<(), DiaryError> {
    if text.trim().is_empty() {
        return Err(DiaryError::field("text", "is blank"));
    }
    check_length("text", text, LONGEST_TEXT)
}

/// Accepts what a picture shows, in words.
pub(super) fn check_alt(alt: &str) -> Result<(), DiaryError> {
    check_length("alt", alt, LONGEST_ALT)
}

fn check_length(name: &'static str, text: &str, longest: usize) -> Result<(), DiaryError> {
    if text.contains('\0') {
        return Err(DiaryError::field(name, "has the character U+0000"));
    }
    if text.chars().count() > longest { Err(too_long(name, longest)) } else { Ok(()) }
}

fn too_long(name: &'static str, longest: usize) -> DiaryError {
    DiaryError::field(name, format!("is longer than {longest} characters"))
}

pub(super) fn malformed(error: MultipartError) -> DiaryError {
    let detail = match error {
        MultipartError::Payload(PayloadError::Io(error)) => match error.downcast::<BodyError>() {
            Ok(error) => return error.into(),
            Err(error) => return BodyError::Incomplete(PayloadError::Io(error)).into(),
        },
        MultipartError::Payload(PayloadError::Overflow) => "The head of a part is too long.",
        MultipartError::Payload(error) => return BodyError::Incomplete(error).into(),
        MultipartError::BoundaryMissing => "The Content-Type names no boundary.",
        MultipartError::ContentTypeMissing | MultipartError::ContentTypeParse => "The Content-Type can't be read.",
        MultipartError::ContentDispositionMissing | MultipartError::ContentDispositionNameMissing => {
            "A part has no Content-Disposition with a name."
        }
        MultipartError::Nested => "A part is a form itself, which is not supported.",
        MultipartError::Incomplete => "The form has no end: the boundary is another one, or something is missing.",
        _ => "The head of a part can't be read.",
    };
    BodyError::Malformed(detail.into()).into()
}
