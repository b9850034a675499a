//! Books and authors, as HTTP APIs behind an internal load balancer.
//!
//! | path                                    | answer                                    |
//! |-----------------------------------------|-------------------------------------------|
//! | `/api/books`, `/api/authors`            | a JSON array of all, in the order of ids  |
//! | `/api/books/{id}`, `/api/authors/{id}`  | one object                                |
//! | `/api/books/health`, `/api/authors/health` | 200 while the process answers          |
//!
//! `CATALOGUE` chooses what an instance serves. A path that it does not serve is 404, so a target group that points at
//! the wrong service fails its health checks. `file` reads and checks the data, `collection` keeps the answers.

mod collection;
mod description;
mod error;
mod file;
pub mod handlers;
mod records;

use actix_web::web;
use causeway_common::config::{Group, Optional, Vars};

pub use self::collection::Collection;
pub use self::description::describe;
pub use self::error::KINDS;
use self::file::Data;
pub use self::records::{Author, Book, Record};

const CATALOGUE: Optional<Served> = Optional::parsed(
    "CATALOGUE",
    "`books`, `authors` or `books,authors`",
    Served::parse,
    "neither",
    "Which parts of the catalogue this instance serves below `/api/`.",
);
const CATALOGUE_FILE: Optional<Data> = Optional::parsed(
    "CATALOGUE_FILE",
    "the path of a JSON file `{\"books\": […], \"authors\": […]}`",
    file::read,
    "six books and six authors",
    "The data to serve. It is read and checked once, at start.",
);

/// What of the catalogue is served.
#[derive(Debug, Default)]
pub struct CatalogueConfig {
    books: Option<Vec<Book>>,
    authors: Option<Vec<Author>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Served {
    books: bool,
    authors: bool,
}

impl CatalogueConfig {
    /// Its variables.
    pub const VARIABLES: Group = Group { title: "Catalogue", variables: &[&CATALOGUE, &CATALOGUE_FILE] };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        let served = vars.read(&CATALOGUE).unwrap_or_default();
        let data = vars.read(&CATALOGUE_FILE).unwrap_or_else(file::built_in);
        let mut part = |name, wanted: bool, is_there: bool| {
            if wanted && !is_there {
                vars.reject("CATALOGUE_FILE", format!("has no {name:?}, which CATALOGUE serves"));
            }
        };
        part("books", served.books, data.books.is_some());
        part("authors", served.authors, data.authors.is_some());
        Self { books: data.books.filter(|_| served.books), authors: data.authors.filter(|_| served.authors) }
    }
}

impl Served {
    fn parse(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).try_fold(Self::default(), |served, part| match part {
            "books" => Ok(Self { books: true, ..served }),
            "authors" => Ok(Self { authors: true, ..served }),
            other => Err(format!("{other:?} is neither books nor authors")),
        })
    }
}

/// The parts of the catalogue that this instance serves.
#[derive(Clone)]
pub struct Catalogue {
    /// The books, if `CATALOGUE` names them.
    pub books: Option<web::Data<Collection<Book>>>,
    /// The authors, if `CATALOGUE` names them.
    pub authors: Option<web::Data<Collection<Author>>>,
}

impl Catalogue {
    /// Prepares every answer, and logs how many there are: two tasks with different data show by their ETags.
    pub fn new(config: CatalogueConfig) -> Self {
        let books = config.books.map(|books| Collection::new(&books));
        let authors = config.authors.map(|authors| Collection::new(&authors));
        Self { books: books.map(web::Data::new), authors: authors.map(web::Data::new) }
    }
}
