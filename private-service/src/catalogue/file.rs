//! Reads the catalogue's data and reports every mistake with its line.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::records::{Author, Book, Record};

/// Bytes; it is kept in memory.
const LARGEST_FILE: u64 = 1024 * 1024;
/// So that a wrong file does not fill the log.
const MOST_MISTAKES: usize = 20;
const BUILT_IN: &str = include_str!("data.json");

/// What the file holds. A part that it lacks can't be served.
#[derive(Debug, Clone, Default)]
pub(super) struct Data {
    pub(super) books: Option<Vec<Book>>,
    pub(super) authors: Option<Vec<Author>>,
}

/// The file before its records are parsed: each is a piece of the text, whose position gives its line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    #[serde(borrow)]
    books: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    authors: Option<Vec<&'a RawValue>>,
}

/// Returns the data that are compiled in.
pub(super) fn built_in() -> Data {
    parse(BUILT_IN).expect("a test reads the data that are compiled in")
}

/// Reads the file at `path`.
///
/// # Errors
/// Returns every mistake with its line.
pub(super) fn read(path: &str) -> Result<Data, String> {
    let unreadable = |error: std::io::Error| format!("{path:?} can't be read: {error}");
    let mut text = String::new();
    // A pipe or a device may have no end.
    File::open(path).map_err(unreadable)?.take(LARGEST_FILE + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(format!("{path:?} is longer than {LARGEST_FILE} bytes"));
    }
    parse(&text).map_err(|mistakes| format!("{path:?} has mistakes: {mistakes}"))
}

fn parse(text: &str) -> Result<Data, String> {
    let raw: Raw<'_> = serde_json::from_str(text).map_err(|error| located(1, &error))?;
    let mut mistakes = Vec::new();
    let books = raw.books.map(|items| records(text, &items, &mut mistakes));
    let authors = raw.authors.map(|items| records(text, &items, &mut mistakes));
    if mistakes.is_empty() { Ok(Data { books, authors }) } else { Err(summary(mistakes)) }
}

fn summary(mut mistakes: Vec<String>) -> String {
    let more = mistakes.len().saturating_sub(MOST_MISTAKES);
    mistakes.truncate(MOST_MISTAKES);
    let ending = if more > 0 { format!("; and {more} more") } else { String::new() };
    mistakes.join("; ") + &ending
}

fn records<T: Record + DeserializeOwned>(text: &str, items: &[&RawValue], mistakes: &mut Vec<String>) -> Vec<T> {
    let mut first_lines = HashMap::new();
    let mut records: Vec<T> = Vec::with_capacity(items.len());
    for item in items {
        let line = line_of(text, item.get());
        let record: T = match serde_json::from_str(item.get()) {
            Ok(record) => record,
            Err(error) => {
                mistakes.push(located(line, &error));
                continue;
            }
        };
        mistakes.extend(record.mistakes().into_iter().map(|mistake| format!("line {line}: {mistake}")));
        if let Some(first) = first_lines.insert(record.id(), line) {
            mistakes.push(format!("line {line}: id {} is that of line {first}, too", record.id()));
        }
        records.push(record);
    }
    records.sort_by_key(Record::id);
    records
}

/// Returns the line of `text` on which its piece `part` begins.
fn line_of(text: &str, part: &str) -> usize {
    let offset = part.as_ptr() as usize - text.as_ptr() as usize;
    1 + text[..offset].matches('\n').count()
}

/// Returns the message of an error in a piece of JSON that begins on the line `first`.
fn located(first: usize, error: &serde_json::Error) -> String {
    let text = error.to_string();
    // serde_json counts from the beginning of the piece.
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    format!("line {}: {message}", first + error.line().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_that_are_compiled_in_are_six_books_and_six_authors() {
        let data = built_in();
        let ids = |ids: Vec<u64>| assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
        ids(data.books.unwrap().iter().map(Record::id).collect());
        ids(data.authors.unwrap().iter().map(Record::id).collect());
    }

    #[test]
    fn every_mistake_is_reported_with_its_line() {
        let text = r#"{
"books": [
  {"id": 1, "isbn": 9781119490708, "title": "A", "publisher": "B", "date": "02/29/2019"},
  {"id": 1, "isbn": 978, "title": "", "publisher": "B", "date": "07/02/2019"},
  {"id": 3, "isbn": 9781119490708,
   "titel": "A", "publisher": "B", "date": "07/02/2019"},
  {"id": 0, "isbn": 9781119490708, "title": "A", "publisher": "B", "date": "7/2/2019"}
],
"authors": [{"id": "1", "name": "A", "book": "B"}]
}"#;
        let expected = [
            "line 3: date is not a day as MM/DD/YYYY",
            "line 4: isbn does not have 13 digits",
            "line 4: title is empty",
            "line 4: id 1 is that of line 3, too",
            "line 6: unknown field `titel`, expected one of `id`, `isbn`, `title`, `publisher`, `date`",
            "line 7: id is not greater than 0",
            "line 7: date is not a day as MM/DD/YYYY",
            "line 9: invalid type: string \"1\", expected u64",
        ];
        assert_eq!(parse(text).unwrap_err(), expected.join("; "));
    }

    #[test]
    fn what_is_no_catalogue_is_refused_with_the_line() {
        let cases = [
            ("", "line 1: EOF while parsing a value"),
            ("{\n\"books\": [1,\n}", "line 3: expected value"),
            ("{\n\"magazines\": []}", "line 2: unknown field `magazines`, expected `books` or `authors`"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn at_most_twenty_mistakes_are_shown() {
        let item = r#"{"id": 1, "name": "", "book": "B"}"#;
        let text = format!(r#"{{"authors": [{}]}}"#, vec![item; 30].join(","));
        assert!(parse(&text).unwrap_err().ends_with("; and 39 more"));
    }

    #[test]
    fn a_file_may_hold_one_part_alone_in_any_order() {
        let data = parse(r#"{"authors": [{"id": 7, "name": "A", "book": "B"}, {"id": 2, "name": "C", "book": "D"}]}"#);
        let data = data.unwrap();
        assert!(data.books.is_none());
        assert_eq!(data.authors.unwrap().iter().map(Record::id).collect::<Vec<_>>(), [2, 7]);
    }
}
