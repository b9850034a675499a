//! `/docs` (Swagger UI, its files inside the binary) and `/openapi.json`.

use actix_web::dev::Service;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::web::{self, Redirect, ServiceConfig};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

/// Swagger UI sets style attributes from its script and draws its icons from `data:` URLs; all else is its own files.
const SWAGGER_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; frame-ancestors 'none'",
);

/// Adds both to a service.
pub fn mount(routes: &mut ServiceConfig, openapi: OpenApi) {
    routes.service(Redirect::new("/docs", "/docs/").permanent()).service(
        web::scope("")
            .wrap_fn(|request, next| {
                let response = next.call(request);
                async move {
                    let mut response = response.await?;
                    response.headers_mut().insert(CONTENT_SECURITY_POLICY, SWAGGER_POLICY);
                    Ok(response)
                }
            })
            .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", openapi)),
    );
}
