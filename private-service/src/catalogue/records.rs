//! What the catalogue holds, in the shapes of its JSON.

use serde::{Deserialize, Serialize};
use time::Date;
use time::macros::format_description;
use utoipa::ToSchema;

/// A record with an id, which can be checked separately.
pub trait Record: Serialize + ToSchema + 'static {
    /// What one of them is called.
    const NAME: &'static str;
    /// What all of them are called, in paths and in `CATALOGUE`.
    const PART: &'static str;
    /// The paths of all, of the health check and of one.
    const PATHS: [&'static str; 3];

    /// Returns the id, unique among the records of one kind.
    fn id(&self) -> u64;

    /// Returns what is wrong with the record's values.
    fn mistakes(&self) -> Vec<&'static str>;
}

/// A book.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// The id, greater than 0.
    #[schema(example = 1)]
    pub id: u64,
    /// The ISBN, a number of 13 digits.
    #[schema(example = 9_781_119_490_708_u64)]
    pub isbn: u64,
    /// The title.
    #[schema(example = "AWS Certified Cloud Practitioner Study")]
    pub title: String,
    /// The publisher.
    #[schema(example = "Wiley")]
    pub publisher: String,
    /// The date of publication, as MM/DD/YYYY.
    #[schema(example = "07/02/2019")]
    pub date: String,
}

/// An author.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// The id, greater than 0.
    #[schema(example = 1)]
    pub id: u64,
    /// The name.
    #[schema(example = "Mark Wilkins")]
    pub name: String,
    /// The title of one of the author's books. It refers to no book of the catalogue.
    #[schema(example = "Learning Amazon Web Services (AWS)")]
    pub book: String,
}

const ID: &str = "id is not greater than 0";

impl Record for Book {
    const NAME: &'static str = "book";
    const PART: &'static str = "books";
    const PATHS: [&'static str; 3] = ["/api/books", "/api/books/health", "/api/books/{id}"];

    fn id(&self) -> u64 {
        self.id
    }

    fn mistakes(&self) -> Vec<&'static str> {
        let rules = [
            (self.id > 0, ID),
            ((1_000_000_000_000..=9_999_999_999_999).contains(&self.isbn), "isbn does not have 13 digits"),
            (!self.title.trim().is_empty(), "title is empty"),
            (!self.publisher.trim().is_empty(), "publisher is empty"),
            (is_date(&self.date), "date is not a day as MM/DD/YYYY"),
        ];
        broken(rules)
    }
}

impl Record for Author {
    const NAME: &'static str = "author";
    const PART: &'static str = "authors";
    const PATHS: [&'static str; 3] = ["/api/authors", "/api/authors/health", "/api/authors/{id}"];

    fn id(&self) -> u64 {
        self.id
    }

    fn mistakes(&self) -> Vec<&'static str> {
        let rules = [
            (self.id > 0, ID),
            (!self.name.trim().is_empty(), "name is empty"),
            (!self.book.trim().is_empty(), "book is empty"),
        ];
        broken(rules)
    }
}

fn broken(rules: impl IntoIterator<Item = (bool, &'static str)>) -> Vec<&'static str> {
    rules.into_iter().filter(|(holds, _)| !holds).map(|(_, mistake)| mistake).collect()
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && Date::parse(text, format_description!("[month]/[day]/[year]")).is_ok()
}
