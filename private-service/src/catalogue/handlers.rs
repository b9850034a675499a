//! One part of the catalogue over HTTP: GET and HEAD, with a strong ETag.

use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::problem::Problem;

use super::collection::Collection;
use super::records::Record;

/// Answers with all records of a part.
pub async fn list<T: Record>(request: HttpRequest, records: web::Data<Collection<T>>) -> HttpResponse {
    records.list(&request)
}

/// Answers with one record of a part.
pub async fn item<T: Record>(
    request: HttpRequest,
    id: web::Path<String>,
    records: web::Data<Collection<T>>,
) -> Result<HttpResponse, Problem> {
    Ok(records.item(&request, &id)?)
}
