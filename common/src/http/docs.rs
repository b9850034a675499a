//! `/docs` (Swagger UI, its files inside the binary) and `/openapi.json`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ContentEncoding, HeaderValue,
};
use actix_web::web::{self, Redirect, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use maud::{Markup, PreEscaped, html};
use utoipa::openapi::{OpenApi, RefOr, Schema};
use utoipa_swagger_ui::Config;

use crate::http::page::{self, Page, Site};
use crate::http::problem::{self, Kind, Problem, not_found};
use crate::http::route::{Route, route};
use crate::http::slices::Slices;

/// Swagger UI sets style attributes from its script and draws its icons from `data:` URLs; everything else is in its files.
const SWAGGER_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; frame-ancestors 'none'",
);

/// Adds both, and the pages that explain problems. The service reports the problems of `kinds` and those of every service.
pub fn mount(routes: &mut ServiceConfig, site: &'static Site, mut openapi: OpenApi, kinds: &[&[&'static Kind]]) {
    name_problems(&mut openapi, kinds);
    let about = openapi.info.description.clone().unwrap_or_default();
    let openapi = Bytes::from(serde_json::to_vec(&openapi).expect("a document of strings is always JSON"));
    let document = move || {
        let openapi = Slices::new(openapi.clone());
        async move { HttpResponse::Ok().content_type("application/json").body(openapi) }
    };
    page::mount_problems(routes, site, kinds);
    let shell = |member| {
        let content = swagger(&about);
        let page = Page { title: "API", current: "/docs/", content, ..Page::default() };
        Bytes::from(site.render_with(member, &page, &swagger_style()))
    };
    let shell = Shell { site, for_all: shell(false), for_members: shell(true) };
    routes
        .app_data(web::Data::new(shell))
        .app_data(web::Data::new(Config::from("/openapi.json")))
        .service(Redirect::new("/docs", "/docs/").permanent())
        .service(route("/docs/{file:.*}").get(swagger_ui))
        .service(route("/openapi.json").get(document));
}

/// The page around Swagger UI.
struct Shell {
    site: &'static Site,
    for_all: Bytes,
    for_members: Bytes,
}

fn swagger_style() -> Markup {
    html! {
        link rel="stylesheet" href="./swagger-ui.css";
        style { (PreEscaped(include_str!("swagger.css"))) }
    }
}

fn swagger(about: &str) -> Markup {
    html! {
        div.stack {
            h1 { "API" }
            p.lead { (about) " Every path is here to read and to try. Programs read " a href="/openapi.json" { "/openapi.json" } "." }
            div id="swagger-ui" {}
        }
        script src="./swagger-ui-bundle.js" {}
        script src="./swagger-ui-standalone-preset.js" {}
        script src="./swagger-initializer.js" {}
        script src="./causeway.js" {}
    }
}

/// Returns the routes that only the document or only the service has, and the responses without a description. For the
/// tests of the services.
pub fn mistakes(openapi: &OpenApi, routes: &[Route]) -> Vec<String> {
    let document = serde_json::to_value(&openapi.paths).expect("a document of strings is always JSON");
    let mut described = BTreeSet::new();
    let mut mistakes = Vec::new();
    for (path, operations) in document.as_object().into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            described.insert(format!("{} {path}", method.to_uppercase()));
            for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                if response["description"].as_str().is_none_or(str::is_empty) {
                    mistakes.push(format!("{method} {path}: {status} has no description"));
                }
            }
        }
    }
    let served = routes.iter().flat_map(|route| {
        let (path, methods) = route.describe();
        methods.iter().filter(|method| **method != "HEAD").map(move |method| format!("{method} {path}"))
    });
    let served: BTreeSet<String> = served.collect();
    mistakes.extend(served.difference(&described).map(|route| format!("{route} is not described")));
    mistakes.extend(described.difference(&served).map(|route| format!("{route} is described but not served")));
    mistakes
}

/// Serves a file of Swagger UI.
async fn swagger_ui(
    request: HttpRequest,
    path: web::Path<String>,
    shell: web::Data<Shell>,
    config: web::Data<Config<'static>>,
) -> Result<HttpResponse, Problem> {
    if matches!(&**path, "" | "index.html") {
        let mut response = HttpResponse::Ok();
        response.insert_header((CONTENT_TYPE, page::HTML)).insert_header((CONTENT_SECURITY_POLICY, SWAGGER_POLICY));
        let html = if shell.site.is_member(&request) { &shell.for_members } else { &shell.for_all };
        return Ok(response.body(Slices::new(html.clone())));
    }
    if &**path == "causeway.js" {
        let mut response = HttpResponse::Ok();
        response.content_type("text/javascript").insert_header((CONTENT_SECURITY_POLICY, SWAGGER_POLICY));
        return Ok(response.body(include_str!("swagger.js")));
    }
    let Ok(Some(file)) = utoipa_swagger_ui::serve(&path, config.into_inner()) else {
        return Err(not_found(request).await);
    };
    let bytes = match file.bytes {
        Cow::Borrowed(embedded) => Bytes::from_static(embedded),
        Cow::Owned(made) => Bytes::from(made),
    };
    let mut response = HttpResponse::Ok();
    response.content_type(file.content_type).insert_header((CONTENT_SECURITY_POLICY, SWAGGER_POLICY));
    if matches!(&**path, "swagger-ui-bundle.js" | "swagger-ui-standalone-preset.js" | "swagger-ui.css") {
        response.insert_header((CACHE_CONTROL, "public, max-age=3600"));
    }
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip));
    }
    Ok(response.body(Slices::new(bytes)))
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
