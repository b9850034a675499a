//! Routes: the methods of a path, and the limits of its bodies.

use std::rc::Rc;

use actix_web::dev::{AppService, HttpServiceFactory, ServiceRequest};
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{FromRequest, Handler, HttpRequest, Responder, guard, web};

use super::limits::Limits;
use super::matched::Note;
use super::metrics::RouteMetrics;
use super::problem::{BODY_TOO_LARGE, METHOD_NOT_ALLOWED, Problem};

/// A path with its methods. Other methods get 405 with `Allow`; bodies above the limit get 413 without being read.
pub struct Route {
    path: &'static str,
    limits: Limits,
    allowed: Vec<&'static str>,
    routes: Vec<actix_web::Route>,
    check: Option<Check>,
}

/// Judges a request before anything of its body is read.
pub type Check = fn(&HttpRequest) -> Result<(), Problem>;

/// Starts a route for `path`, which has no methods yet and the default limits.
pub fn route(path: &'static str) -> Route {
    Route { path, limits: Limits::default(), allowed: Vec::new(), routes: Vec::new(), check: None }
}

/// Adds routes. Those without parameters come first, because actix-web tries one after the other, and a parameter costs
/// each request that gets there a regular expression.
pub fn mount(config: &mut web::ServiceConfig, routes: Vec<Route>) {
    let (patterns, constant) = routes.into_iter().partition::<Vec<_>, _>(|route| route.path.contains('{'));
    config.service(constant).service(patterns);
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident, $method:ident, $text:literal;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name<H, Args>(self, handler: H) -> Self
        where
            H: Handler<Args>,
            Args: FromRequest + 'static,
            H::Output: Responder + 'static,
        {
            self.method($text, web::$method().to(handler))
        }
    )*};
}

impl Route {
    methods! {
        /// Answers `GET` but not `HEAD`, for a `GET` that does something.
        get_without_head, get, "GET";
        /// Answers `POST`.
        post, post, "POST";
        /// Answers `PUT`.
        put, put, "PUT";
        /// Answers `PATCH`.
        patch, patch, "PATCH";
        /// Answers `DELETE`.
        delete, delete, "DELETE";
    }

    /// Answers `GET`, and `HEAD` alike without the body.
    #[must_use]
    pub fn get<H, Args>(self, handler: H) -> Self
    where
        H: Handler<Args>,
        Args: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        self.method("GET", web::get().to(handler.clone())).method("HEAD", web::head().to(handler))
    }

    /// Sets how long the body of a request may be, and how long it may take.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Answers every request that `check` rejects with its problem.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Returns the path and its methods.
    pub(super) fn describe(&self) -> (&str, &[&'static str]) {
        (self.path, &self.allowed)
    }

    fn method(mut self, name: &'static str, route: actix_web::Route) -> Self {
        self.allowed.push(name);
        self.routes.push(route);
        self
    }
}

impl HttpServiceFactory for Route {
    fn register(self, config: &mut AppService) {
        let Self { path, limits, allowed, routes, check } = self;
        let fits = move |context: &guard::GuardContext<'_>| limits.exceeded_by(context.head().headers()).is_none();
        let resource = routes
            .into_iter()
            .map(|route| route.guard(guard::fn_guard(fits)))
            .fold(web::resource(path).app_data(limits), actix_web::Resource::route);
        let refuse = move |request: HttpRequest| std::future::ready(refuse(&request, &allowed, limits));
        let resource = resource.default_service(web::to(refuse));
        let note = Note(Rc::new(RouteMetrics::default()));
        let Some(check) = check else { return resource.wrap(note).register(config) };
        let checked = from_fn(move |request: ServiceRequest, next: Next<_>| async move {
            match check(request.request()) {
                Ok(()) => next.call(request).await,
                // `into_response` would drop the error, which the log needs.
                Err(problem) => Ok(request.error_response(problem)),
            }
        });
        resource.wrap(checked).wrap(note).register(config);
    }
}

/// Returns why no method of a route accepted the request.
fn refuse(request: &HttpRequest, allowed: &[&'static str], limits: Limits) -> Problem {
    if let Some(announced) = limits.exceeded_by(request.headers())
        && allowed.contains(&request.method().as_str())
    {
        let limit = limits.bytes;
        let detail = format!("The request announces a body of {announced} bytes; this path accepts at most {limit}.");
        return Problem::new(&BODY_TOO_LARGE, detail);
    }
    let allowed = allowed.join(", ");
    let detail = format!("This path supports {allowed}.");
    let header = HeaderValue::from_str(&allowed).expect("names of methods are a valid header value");
    Problem::new(&METHOD_NOT_ALLOWED, detail).header(ALLOW, header)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use actix_web::http::{Method, StatusCode};
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, web};
    use serde_json::json;

    use super::*;
    use crate::http::body::Json;
    use crate::http::limits::BodyStream;

    async fn text() -> &'static str {
        "text"
    }

    async fn length(body: BodyStream) -> Result<String, Problem> {
        Ok(body.read().await?.len().to_string())
    }

    async fn echo(Json(value): Json<BTreeMap<String, u8>>) -> web::Json<BTreeMap<String, u8>> {
        web::Json(value)
    }

    fn routes(config: &mut web::ServiceConfig) {
        let small = Limits { bytes: 10, ..Limits::default() };
        config
            .service(route("/text").get(text).put(length).limits(small))
            .service(route("/once").get_without_head(text))
            .service(route("/echo").post(echo));
    }

    async fn answer(request: TestRequest) -> (StatusCode, String, String) {
        let app = init_service(App::new().configure(routes)).await;
        let response = call_service(&app, request.to_request()).await;
        let allow = response.headers().get(ALLOW).map(|allow| allow.to_str().unwrap().to_owned()).unwrap_or_default();
        (response.status(), allow, String::from_utf8(read_body(response).await.to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn get_answers_head_too_and_other_methods_get_a_405_that_names_those_supported() {
        for (method, path, status, allow) in [
            (Method::GET, "/text", StatusCode::OK, ""),
            (Method::HEAD, "/text", StatusCode::OK, ""),
            (Method::DELETE, "/text", StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD, PUT"),
            (Method::HEAD, "/once", StatusCode::METHOD_NOT_ALLOWED, "GET"),
            (Method::GET, "/echo", StatusCode::METHOD_NOT_ALLOWED, "POST"),
        ] {
            let (answered, allowed, _) = answer(TestRequest::with_uri(path).method(method.clone())).await;
            assert_eq!((answered, &*allowed), (status, allow), "{method} {path}");
        }
    }

    #[actix_web::test]
    async fn a_body_beyond_the_routes_limit_is_a_413_whether_announced_or_not() {
        let put = || TestRequest::put().uri("/text");
        assert_eq!(answer(put().set_payload("0123456789")).await.2, "10");
        let unannounced = answer(put().set_payload("0123456789x")).await;
        assert_eq!(unannounced.0, StatusCode::PAYLOAD_TOO_LARGE, "{unannounced:?}");
        let announced = answer(put().insert_header(("content-length", "11"))).await;
        assert_eq!(announced.0, StatusCode::PAYLOAD_TOO_LARGE, "{announced:?}");
        let method_first = answer(TestRequest::post().uri("/text").insert_header(("content-length", "11"))).await;
        assert_eq!(method_first.0, StatusCode::METHOD_NOT_ALLOWED, "{method_first:?}");
    }

    #[actix_web::test]
    async fn a_path_without_parameters_is_tried_before_one_that_would_take_it_too() {
        let routes = vec![route("/{anything}").get(async || "pattern"), route("/text").get(text)];
        let app = init_service(App::new().configure(|config| mount(config, routes))).await;
        for (path, expected) in [("/text", "text"), ("/other", "pattern")] {
            let response = call_service(&app, TestRequest::with_uri(path).to_request()).await;
            assert_eq!(read_body(response).await, expected, "{path}");
        }
    }

    #[actix_web::test]
    async fn a_check_comes_before_everything_else_of_a_route() {
        let refuse = |_: &HttpRequest| Err(Problem::new(&BODY_TOO_LARGE, "refused"));
        let app = init_service(App::new().service(route("/text").get(text).check(refuse))).await;
        for method in [Method::GET, Method::DELETE] {
            let response = call_service(&app, TestRequest::with_uri("/text").method(method).to_request()).await;
            assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
            assert!(response.response().error().is_some_and(|error| error.as_error::<Problem>().is_some()));
        }
    }

    #[actix_web::test]
    async fn a_json_route_takes_json_only() {
        let post = || TestRequest::post().uri("/echo");
        assert_eq!(answer(post().set_json(json!({"a": 1}))).await.2, r#"{"a":1}"#);
        let charset =
            post().set_payload(r#"{"a":3}"#).insert_header(("content-type", "Application/JSON; charset=utf-8"));
        assert_eq!(answer(charset).await.2, r#"{"a":3}"#);
        for (content_type, body, status) in [
            ("text/plain", r#"{"a":1}"#, StatusCode::UNSUPPORTED_MEDIA_TYPE),
            ("application/jsonp", r#"{"a":1}"#, StatusCode::UNSUPPORTED_MEDIA_TYPE),
            ("application/json", r#"{"a":1"#, StatusCode::BAD_REQUEST),
            ("application/json", r#"{"a":1}x"#, StatusCode::BAD_REQUEST),
            ("application/json", r#"{"a":"x"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ] {
            let response = answer(post().set_payload(body).insert_header(("content-type", content_type))).await;
            assert_eq!(response.0, status, "{content_type} {body}: {response:?}");
        }
        assert_eq!(answer(post().set_payload(r#"{"a":1}"#)).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}
