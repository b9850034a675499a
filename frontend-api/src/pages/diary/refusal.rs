//! Why a diary was not written, in the words of a page.

use std::borrow::Cow;

use causeway_common::http::limits::BodyError;
use causeway_common::http::page::State;
use causeway_common::http::problem::{Failure, Problem};
use maud::{Markup, html};

use crate::diaries::{DiaryError, Draft};

/// What the writer reads, and what the log gets.
pub(super) struct Refusal {
    pub(super) problem: Problem,
    pub(super) state: State,
    /// What happened.
    bold: &'static str,
    /// What it means, and what to do.
    words: Cow<'static, str>,
    /// What is wrong with single fields.
    fields: Vec<(&'static str, Cow<'static, str>)>,
    /// Whether the text can be saved without the picture.
    pub(super) offers_text_alone: bool,
    /// Whether the key of the form was used for something else.
    pub(super) uses_up_key: bool,
}

const STORE_SILENT: &str = "The picture store does not answer. Your text is still here: try again in a minute, or save it \
                            without the picture.";
const DATABASE_SILENT: &str = "The database does not answer. Your text is still here: try again in a minute.";

impl Refusal {
    fn new(problem: Problem, bold: &'static str, words: impl Into<Cow<'static, str>>) -> Self {
        let (fields, words) = (Vec::new(), words.into());
        Self { problem, state: State::Failed, bold, words, fields, offers_text_alone: false, uses_up_key: false }
    }

    /// Returns why nothing can be written for the sender of the request.
    ///
    /// # Errors
    /// The problem itself, if the form cannot be of use.
    pub(super) fn of_session(problem: Problem) -> Result<Self, Problem> {
        let unavailable = problem.status().is_server_error();
        if unavailable { Ok(Self::new(problem, "Nothing was saved.", DATABASE_SILENT)) } else { Err(problem) }
    }

    /// Returns why the draft was not written.
    ///
    /// # Errors
    /// The problem itself, if the form cannot be of use.
    pub(super) fn of(error: DiaryError, draft: &Draft) -> Result<Self, Problem> {
        let mut refusal = Self::of_error(error)?;
        if let Some(name) = draft.file.as_deref().filter(|_| refusal.fields.is_empty()) {
            refusal.fields.push(("file", format!("Choose {name} again: a browser does not let us keep it.").into()));
        }
        Ok(refusal)
    }

    fn of_error(error: DiaryError) -> Result<Self, Problem> {
        const NOTHING: &str = "Nothing was saved.";
        const NO_PICTURE: &str = "The picture was not saved.";
        const FIELD: &str = "One field needs a change.";
        let field = |name, text| (Some((name, text)), FIELD, "Nothing was saved yet.".into());
        let (fields, bold, words): (_, _, Cow<'static, str>) = match &error {
            DiaryError::Picture(_) | DiaryError::TooLarge { .. } => field("file", error.detail().into_owned().into()),
            DiaryError::Body(BodyError::Fields(fields)) => match fields.first() {
                Some(mistake) if mistake.field == "text" => {
                    field("text", format!("The text {}.", mistake.detail).into())
                }
                Some(mistake) => field("alt", format!("The description {}.", mistake.detail).into()),
                None => (None, NOTHING, error.detail().into_owned().into()),
            },
            DiaryError::Body(_) => (None, NOTHING, format!("{} What arrived is below.", error.detail()).into()),
            DiaryError::Storage(_) => (None, NO_PICTURE, STORE_SILENT.into()),
            DiaryError::NoStorage => {
                let words = "This service stores no pictures. Your text is still here: save it without the picture.";
                (None, NO_PICTURE, words.into())
            }
            DiaryError::Busy => {
                let words = "Too many pictures are being sent. Your text is still here: try again in a minute, or save it \
                             without the picture.";
                (None, NO_PICTURE, words.into())
            }
            DiaryError::Full { .. } => {
                let words = "Your pictures take all the room that you have. Your text is still here: save it without the \
                             picture.";
                (None, NO_PICTURE, words.into())
            }
            DiaryError::InFlight => {
                let words = "Wait a moment, then look at your diary before you save it again.";
                (None, "This entry is being saved.", words.into())
            }
            DiaryError::KeyReused => {
                let words = "The entry as it was then is in your diary. Save again to keep this one, too.";
                (None, "This form was sent before, with another content.", words.into())
            }
            error if leaves_outcome_unknown(error) => {
                let words = "Your text is still here: try again in a minute. Nothing is saved twice.";
                (None, "It is not known whether this was saved.", words.into())
            }
            DiaryError::Database(_) | DiaryError::Unread(_) => (None, NOTHING, DATABASE_SILENT.into()),
            DiaryError::Swept => (None, NOTHING, error.detail().into_owned().into()),
            DiaryError::NotFound | DiaryError::NoUser | DiaryError::NoPicture | DiaryError::Lost => {
                return Err(error.into());
            }
        };
        let offers_text_alone = bold == NO_PICTURE;
        let uses_up_key = matches!(error, DiaryError::KeyReused);
        let state = if uses_up_key || matches!(error, DiaryError::InFlight) { State::Warning } else { State::Failed };
        let fields = fields.into_iter().collect();
        Ok(Self { problem: error.into(), state, bold, words, fields, offers_text_alone, uses_up_key })
    }

    /// Returns what is wrong with a field.
    pub(super) fn at(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, words)| &**words)
    }

    /// Returns whether only the browser makes it necessary to choose the picture again.
    pub(super) fn lost_picture(&self) -> bool {
        self.at("file").is_some_and(|words| words.starts_with("Choose "))
    }

    /// What to read first.
    pub(super) fn notice(&self) -> Markup {
        let names = [("text", "Text"), ("file", "Picture"), ("alt", "Description")];
        html! {
            div.note data-is=(self.state.name()) role="alert" tabindex="-1" autofocus[self.fields.is_empty()] {
                (self.state.icon())
                div {
                    p {
                        b { (self.bold) } " " (self.words)
                        @for (field, name) in names {
                            @if self.at(field).is_some() { " " a href={ "#entry-" (field) } { (name) } }
                        }
                    }
                }
            }
        }
    }
}

fn leaves_outcome_unknown(error: &DiaryError) -> bool {
    match error {
        DiaryError::Database(error) => error.leaves_outcome_unknown(),
        DiaryError::Lost => true,
        _ => false,
    }
}
