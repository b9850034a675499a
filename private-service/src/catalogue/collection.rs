//! The answers of one part of the catalogue, made once, because the data never change while the process runs.

use std::collections::HashMap;
use std::marker::PhantomData;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, EntityTag, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use causeway_common::http::etag;
use causeway_common::http::slices::Slices;
use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::error::CatalogueError;
use super::records::Record;

/// Long enough to spare the service, short enough for a new version of the data to be seen.
static CACHED: HeaderValue = HeaderValue::from_static("public, max-age=60");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Bytes of the hash that an ETag has, as hexadecimal digits.
const TAG_BYTES: usize = 8;

/// All records of one kind, as they are sent.
pub struct Collection<T> {
    list: Stored,
    items: HashMap<u64, Stored>,
    records: PhantomData<fn() -> T>,
}

struct Stored {
    body: Bytes,
    tag: EntityTag,
    /// The tag as it is sent.
    etag: HeaderValue,
}

impl<T: Record> Collection<T> {
    /// Prepares every answer.
    pub fn new(records: &[T]) -> Self {
        let items: HashMap<_, _> = records.iter().map(|record| (record.id(), Stored::new(record))).collect();
        let list = Stored::new(&records);
        tracing::info!(part = T::PART, count = items.len(), etag = list.tag.tag(), "serving the catalogue");
        Self { list, items, records: PhantomData }
    }

    /// Returns the answer with all records.
    pub fn list(&self, request: &HttpRequest) -> HttpResponse {
        self.list.answer(request)
    }

    /// Returns the answer with the record of this id.
    ///
    /// # Errors
    /// Fails if `id` is not a number, or if there is no such record.
    pub fn item(&self, request: &HttpRequest, id: &str) -> Result<HttpResponse, CatalogueError> {
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CatalogueError::BadId);
        }
        // A number that is too large for an id is a number that no record has.
        let stored = id.parse().ok().and_then(|id: u64| self.items.get(&id));
        Ok(stored.ok_or(CatalogueError::Unknown { part: T::PART })?.answer(request))
    }
}

impl Stored {
    fn new(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("records of strings and numbers are always JSON");
        let hash = digest(&SHA256, &body);
        let start = hash.as_ref().iter().take(TAG_BYTES);
        let tag = start.fold(String::new(), |tag, byte| tag + &format!("{byte:02x}"));
        let tag = EntityTag::new_strong(tag);
        let etag = HeaderValue::from_str(&tag.to_string()).expect("hexadecimal digits in quotes are a header's value");
        Self { body: body.into(), tag, etag }
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = etag::is_known(request, &self.tag);
        let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response.insert_header((ETAG, self.etag.clone())).insert_header((CACHE_CONTROL, CACHED.clone()));
        if known {
            response.finish()
        } else {
            response.insert_header((CONTENT_TYPE, JSON.clone())).body(Slices::new(self.body.clone()))
        }
    }
}
