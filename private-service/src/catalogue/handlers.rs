//! Books and authors over HTTP: GET and HEAD, with a strong ETag.

use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::health::{self, Status};
use causeway_common::http::problem::{Problem, ProblemBody};

use super::collection::Collection;
use super::records::{Author, Book};

/// All books, in the order of their ids.
#[utoipa::path(get, path = "/api/books", tag = "catalogue", responses(
    (status = 200, description = "All books", body = Vec<Book>, headers(("ETag" = String, description = "Changes with the data"))),
    (status = 304, description = "`If-None-Match` names the current ETag"),
))]
pub async fn books(request: HttpRequest, books: web::Data<Collection<Book>>) -> HttpResponse {
    books.list(&request)
}

/// One book.
#[utoipa::path(get, path = "/api/books/{id}", tag = "catalogue", params(("id" = u64, Path, description = "The book's id")),
    responses(
        (status = 200, description = "The book", body = Book, headers(("ETag" = String, description = "Changes with the data"))),
        (status = 304, description = "`If-None-Match` names the current ETag"),
        (status = 400, description = "The id is not a number", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No book has this id", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn book(
    request: HttpRequest,
    id: web::Path<String>,
    books: web::Data<Collection<Book>>,
) -> Result<HttpResponse, Problem> {
    Ok(books.item(&request, &id)?)
}

/// Health of the instance that serves books, for the load balancer.
#[utoipa::path(get, path = "/api/books/health", tag = "health", responses((status = 200, description = "The records are loaded", body = Status)))]
pub async fn books_health() -> web::Json<Status> {
    health::health().await
}

/// All authors, in the order of their ids.
#[utoipa::path(get, path = "/api/authors", tag = "catalogue", responses(
    (status = 200, description = "All authors", body = Vec<Author>, headers(("ETag" = String, description = "Changes with the data"))),
    (status = 304, description = "`If-None-Match` names the current ETag"),
))]
pub async fn authors(request: HttpRequest, authors: web::Data<Collection<Author>>) -> HttpResponse {
    authors.list(&request)
}

/// One author.
#[utoipa::path(get, path = "/api/authors/{id}", tag = "catalogue", params(("id" = u64, Path, description = "The author's id")),
    responses(
        (status = 200, description = "The author", body = Author, headers(("ETag" = String, description = "Changes with the data"))),
        (status = 304, description = "`If-None-Match` names the current ETag"),
        (status = 400, description = "The id is not a number", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No author has this id", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn author(
    request: HttpRequest,
    id: web::Path<String>,
    authors: web::Data<Collection<Author>>,
) -> Result<HttpResponse, Problem> {
    Ok(authors.item(&request, &id)?)
}

/// Health of the instance that serves authors, for the load balancer.
#[utoipa::path(get, path = "/api/authors/health", tag = "health", responses((status = 200, description = "The records are loaded", body = Status)))]
pub async fn authors_health() -> web::Json<Status> {
    health::health().await
}
