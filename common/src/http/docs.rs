//! `/docs` (Swagger UI, its files inside the binary) and `/openapi.json`.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::web::{self, Redirect, ServiceConfig};
use actix_web::{Error, Responder};
use utoipa::openapi::{OpenApi, RefOr, Schema};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::problem::{self, Kind, not_found};
use crate::http::route::route;

/// Swagger UI sets style attributes from its script and draws its icons from `data:` URLs; all else is its own files.
const SWAGGER_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; frame-ancestors 'none'",
);

/// Adds both to a service that reports the problems of `kinds` besides those that every service reports.
pub fn mount(routes: &mut ServiceConfig, mut openapi: OpenApi, kinds: &[&[&'static Kind]]) {
    name_problems(&mut openapi, kinds);
    let openapi = web::Data::new(openapi);
    let page = SwaggerUi::new("/{_:.*}").config(Config::from("/openapi.json"));
    routes
        .service(Redirect::new("/docs", "/docs/").permanent())
        .service(
            web::scope("/docs")
                .wrap(DefaultHeaders::new().add((CONTENT_SECURITY_POLICY, SWAGGER_POLICY)))
                .wrap(from_fn(explain))
                .service(page),
        )
        .service(route("/openapi.json").get(move || {
            let openapi = openapi.clone();
            async move { web::Json(openapi) }
        }));
}

/// Lists in the document which `type` a problem can have.
fn name_problems(openapi: &mut OpenApi, kinds: &[&[&'static Kind]]) {
    let schemas = openapi.components.as_mut().map(|components| &mut components.schemas);
    let Some(RefOr::T(Schema::Object(body))) = schemas.and_then(|schemas| schemas.get_mut("Problem")) else { return };
    if let Some(RefOr::T(Schema::Object(uri))) = body.properties.get_mut("type") {
        let all = problem::KINDS.iter().chain(kinds.iter().copied().flatten());
        uri.enum_values = Some(all.map(|kind| kind.uri().to_string().into()).collect());
    }
}

/// Swagger UI's own 404 is empty; ours are problems everywhere.
async fn explain<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let response = next.call(request).await?;
    if response.status() != StatusCode::NOT_FOUND {
        return Ok(response.map_into_left_body());
    }
    let request = response.into_parts().0;
    let answer = not_found(request.clone()).await.respond_to(&request);
    Ok(ServiceResponse::new(request, answer).map_into_right_body())
}
