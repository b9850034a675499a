//! What the pages of the diary show: the form for an entry, and the entries.

use causeway_common::http::page::State;
use maud::{Markup, html};

use super::refusal::Refusal;
use crate::auth::UserId;
use crate::diaries::{Diary, IdempotencyKey, LONGEST_ALT, LONGEST_TEXT};
use crate::pages::{DIARY, times};

/// The form for a new entry.
pub(in crate::pages) struct EntryForm<'a> {
    pub(in crate::pages) text: &'a str,
    pub(in crate::pages) alt: &'a str,
    /// Makes it harmless to send the form twice.
    pub(in crate::pages) key: &'a IdempotencyKey,
    /// Who writes. After signing in, the text of another user is shown and not saved.
    pub(in crate::pages) writer: UserId,
    pub(super) refusal: Option<&'a Refusal>,
}

impl<'a> EntryForm<'a> {
    /// A form in which nothing was typed yet.
    pub(in crate::pages) fn empty(key: &'a IdempotencyKey, writer: UserId) -> Self {
        Self { text: "", alt: "", key, writer, refusal: None }
    }

    pub(in crate::pages) fn render(&self) -> Markup {
        let action = format!("{DIARY}?key={}&writer={}", self.key.as_str(), self.writer);
        let alone = self.refusal.is_some_and(|refusal| refusal.offers_text_alone);
        html! {
            form.card.stack method="post" action=(action) enctype="multipart/form-data" {
                (text(self.text, self.refusal))
                (self.file())
                (alt(self.alt, self.refusal, " (optional)"))
                @if alone {
                    div.row {
                        button.go { "Try again" }
                        button formaction={ (action) "&without=picture" } { "Save without the picture" }
                    }
                } @else {
                    button.go { "Save entry" }
                }
            }
        }
    }

    fn file(&self) -> Markup {
        let wrong = self.refusal.and_then(|refusal| refusal.at("file"));
        let again = self.refusal.is_some_and(Refusal::lost_picture);
        let described = if wrong.is_some() { "entry-file-e entry-file-h" } else { "entry-file-h" };
        html! {
            div {
                label for="entry-file" { "Picture " span.soft { "(optional)" } }
                input id="entry-file" name="file" type="file" accept="image/jpeg,image/png,image/webp,image/gif"
                    aria-invalid=[wrong.map(|_| "true")] aria-describedby=(described) autofocus[wrong.is_some() && !again];
                @if let Some(wrong) = wrong {
                    p.err id="entry-file-e" data-again[again] { (State::Failed.icon()) (wrong) }
                }
                p.hint id="entry-file-h" { "JPEG, PNG, WebP or GIF, up to 10 MB. We take out place and camera data." }
            }
        }
    }
}

/// The field for the text of an entry.
pub(super) fn text(typed: &str, refusal: Option<&Refusal>) -> Markup {
    let wrong = refusal.and_then(|refusal| refusal.at("text"));
    html! {
        div {
            label for="entry-text" { "What happened?" }
            // A browser drops the first line's end.
            textarea id="entry-text" name="text" rows="5" required maxlength=(LONGEST_TEXT) dir="auto"
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| "entry-text-e")]
                autofocus[wrong.is_some()] { "\n" (typed) }
            @if let Some(wrong) = wrong { p.err id="entry-text-e" { (State::Failed.icon()) (wrong) } }
        }
    }
}

/// The field for what a picture shows.
pub(super) fn alt(typed: &str, refusal: Option<&Refusal>, note: &str) -> Markup {
    let wrong = refusal.and_then(|refusal| refusal.at("alt"));
    let described = if wrong.is_some() { "entry-alt-e entry-alt-h" } else { "entry-alt-h" };
    html! {
        div {
            label for="entry-alt" { "What does the picture show?" span.soft { (note) } }
            input id="entry-alt" name="alt" value=(typed) maxlength=(LONGEST_ALT) dir="auto"
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=(described) autofocus[wrong.is_some()];
            @if let Some(wrong) = wrong { p.err id="entry-alt-e" { (State::Failed.icon()) (wrong) } }
            p.hint id="entry-alt-h" { "Read aloud to people who cannot see it." }
        }
    }
}

/// Entries as stops in time, newest first. One form has the buttons of all.
pub(in crate::pages) fn entries(diaries: &[Diary], can_change: bool) -> Markup {
    let log = html! { ol.log role="list" { @for diary in diaries { li { (entry(diary, can_change)) } } } };
    if can_change {
        html! { form method="post" { (log) } }
    } else {
        log
    }
}

fn entry(diary: &Diary, can_change: bool) -> Markup {
    let id = diary.id;
    let (time, edit, delete) = (format!("t{id}"), format!("e{id}"), format!("d{id}"));
    let edited = diary.updated_at > diary.created_at;
    html! {
        div.row.between {
            span.soft {
                (times::minute(diary.created_at, can_change.then_some(&*time)))
                @if edited { " · edited" }
            }
            @if can_change {
                div.row {
                    a.btn.quiet id=(edit) href={ (DIARY) "/" (id) } aria-labelledby={ (edit) " " (time) } { "Edit" }
                    button.quiet id=(delete) formaction={ (DIARY) "/" (id) "/delete" } aria-labelledby={ (delete) " " (time) } {
                        "Delete"
                    }
                }
            }
        }
        @if !diary.text.is_empty() { p dir="auto" { (diary.text) } }
        @if diary.has_picture() { (picture(diary, "")) }
    }
}

/// The picture of an entry, which the browser fetches when it comes into sight.
pub(super) fn picture(diary: &Diary, class: &str) -> Markup {
    let alt = if diary.alt.is_empty() { "A picture without a description" } else { &*diary.alt };
    html! { img class=[(!class.is_empty()).then_some(class)] src={ "/diaries/" (diary.id) "/image" } alt=(alt) loading="lazy"; }
}

/// What is shown before there is an entry.
pub(in crate::pages) fn no_entries(action: bool) -> Markup {
    html! {
        div.empty.stack {
            svg viewBox="0 0 88 40" aria-hidden="true" {
                path d="M2 8h84M8 8v24m24-24v24m24-24v24m24-24v24M8 32a12 12 0 0 1 24 0m0 0a12 12 0 0 1 24 0m0 0a12 12 0 0 1 24 0" {}
            }
            h2 { "No entries yet" }
            p.soft { "Write a line about today. Only you can read it." }
            @if action { p { a.btn.go href="/app" { "Write the first entry" } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use time::macros::datetime;

    use super::*;
    use crate::auth::DiaryId;

    const ROUNDS: u32 = 2000;

    /// Prints how long the list of a page takes. docs/performance.md says how to run this.
    #[test]
    #[ignore = "prints a figure and proves nothing"]
    #[expect(clippy::print_stdout, reason = "the figure is the result")]
    fn rendering_a_list_of_20() {
        let written = |id| {
            Diary::for_tests(DiaryId::of_row(id), &"Low tide at noon. ".repeat(12), datetime!(2026-11-26 12:00 UTC))
        };
        let diaries: Vec<Diary> = (1..=20).map(written).collect();
        let round = || black_box(entries(black_box(&diaries), true)).into_string().len();
        let bytes = round();
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            round();
        }
        println!("{:.1} µs for 20 entries, {bytes} bytes", begun.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
    }
}
