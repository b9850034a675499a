//! The id in the path of a request, and the query.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;

use super::problem::{FIELDS_REFUSED, NOT_FOUND, Problem};

/// The part `{id}` of the path. If it is not a `T`, the response is 404.
#[derive(Debug)]
pub struct Id<T>(pub T);

impl<T: FromStr> FromRequest for Id<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| text.parse().ok());
        ready(id.map(Self).ok_or_else(|| Problem::new(&NOT_FOUND, "No record has this id.")))
    }
}

/// The query. Parameters that `T` does not know are ignored unless it denies them.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = web::Query::<T>::from_query(request.query_string());
        let refused = |_| {
            let detail = "A query parameter is unknown, appears twice, or does not have the type that /docs shows.";
            Problem::new(&FIELDS_REFUSED, detail)
        };
        ready(query.map(|query| Self(query.into_inner())).map_err(refused))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, HttpResponse};
    use serde::Deserialize;

    use super::*;
    use crate::http::route::route;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Page {
        limit: Option<u8>,
    }

    async fn get(_: Id<u32>, _: Query<Page>) -> HttpResponse {
        HttpResponse::Ok().finish()
    }

    #[actix_web::test]
    async fn an_id_that_cannot_be_is_not_found_and_a_query_that_cannot_be_is_refused() {
        let app = init_service(App::new().service(route("/things/{id}").get(get))).await;
        for (uri, status) in [
            ("/things/1", StatusCode::OK),
            ("/things/1?limit=2", StatusCode::OK),
            ("/things/x", StatusCode::NOT_FOUND),
            ("/things/-1", StatusCode::NOT_FOUND),
            ("/things/%FF", StatusCode::NOT_FOUND),
            ("/things/1?limit=x", StatusCode::UNPROCESSABLE_ENTITY),
            ("/things/1?limit=1&limit=2", StatusCode::UNPROCESSABLE_ENTITY),
            ("/things/1?other=1", StatusCode::UNPROCESSABLE_ENTITY),
            ("/things/1?limit=%FF", StatusCode::UNPROCESSABLE_ENTITY),
        ] {
            let response = call_service(&app, TestRequest::with_uri(uri).to_request()).await;
            assert_eq!(response.status(), status, "{uri}");
        }
    }
}
