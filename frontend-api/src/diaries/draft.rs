//! A diary that a page's form sends. Unlike a program, a person wants the text back when something fails, so the form is
//! read to its end whatever happens: to the picture, to the database, to the session.

use actix_multipart::Field;
use actix_web::http::header::HeaderMap;
use causeway_common::http::limits::{BodyStream, Clock, Limits};
use causeway_common::http::room::Room;
use futures_util::StreamExt;

use super::error::DiaryError;
use super::form::{self, SHORT, check_alt, check_text, malformed, multipart, pass_on};
use super::handlers::UPLOAD;
use super::{Entry, Writing};

/// A picture that is too large is read all the same, because browsers show no answer before they have sent everything.
pub const LIMITS: Limits = Limits { bytes: 32_000_000, ..UPLOAD };
/// Bytes. A text that is too long comes back, too, up to this length.
const MOST_TYPED: usize = 128 * 1024;

/// What was typed, and which picture was chosen.
#[derive(Debug, Default)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// What the picture shows, in words.
    pub alt: String,
    /// The name of the file that was chosen. It is only shown.
    pub file: Option<String>,
    has_picture: bool,
    /// A long text counts until the form has been read and answered.
    rooms: [Room; 2],
}

impl Draft {
    /// Returns what a form without a picture sent.
    pub fn of(text: &str, alt: String) -> Self {
        Self { text: with_plain_lines(text), alt, ..Self::default() }
    }

    /// Reads the whole form. The picture goes to `writing`; without that, and after the first error, it is skipped.
    pub async fn read(
        headers: &HeaderMap,
        mut body: BodyStream,
        mut writing: Option<&mut Writing>,
    ) -> (Self, Result<(), DiaryError>) {
        let mut outcome = Ok(());
        let clock = body.clock();
        let announced = body.announced().unwrap_or_default();
        if announced == 0 {
            body = body.at_most(UPLOAD.bytes);
        } else if announced > UPLOAD.bytes as u64 {
            outcome = Err(DiaryError::TooLarge { bytes: announced });
        } else if announced > SHORT
            && let Some(writing) = &mut writing
        {
            outcome = writing.expect_picture(&clock).await;
        }
        let mut draft = Self::default();
        let mut form = multipart(headers, body);
        while let Some(field) = form.next().await {
            let writing = writing.as_deref_mut().filter(|_| outcome.is_ok());
            let read = match field {
                Ok(field) => draft.read_part(field, writing, &clock).await,
                Err(error) => {
                    outcome = outcome.and(Err(malformed(error)));
                    break;
                }
            };
            outcome = outcome.and(read);
        }
        (draft, outcome)
    }

    async fn read_part(
        &mut self,
        field: Field,
        writing: Option<&mut Writing>,
        clock: &Clock,
    ) -> Result<(), DiaryError> {
        match field.name().unwrap_or_default() {
            "text" => (self.text, self.rooms[0]) = typed(field, "text").await?,
            "alt" => (self.alt, self.rooms[1]) = typed(field, "alt").await?,
            "file" => {
                let name = field.content_disposition().and_then(|disposition| disposition.get_filename());
                self.file = name.filter(|name| !name.is_empty()).map(str::to_owned);
                if let Some(writing) = writing {
                    self.has_picture = pass_on(field, writing, clock).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns what is to be written.
    ///
    /// # Errors
    /// If the text is blank although there is no picture, or something is too long.
    pub fn entry(&self) -> Result<Entry, DiaryError> {
        check_alt(&self.alt)?;
        if !self.has_picture || !self.text.is_empty() {
            check_text(&self.text)?;
        }
        Ok(Entry { text: self.text.clone(), alt: self.alt.clone() })
    }
}

/// Browsers end lines with CR LF.
fn with_plain_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

async fn typed(field: Field, name: &'static str) -> Result<(String, Room), DiaryError> {
    let too_long = || DiaryError::field(name, format!("is longer than {MOST_TYPED} bytes"));
    let (text, room) = form::typed(field, name, MOST_TYPED, too_long).await?;
    Ok((with_plain_lines(&text), room))
}
