//! What happens around every request: its id, its line in the access log, the security headers of its response.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    AsHeaderName, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, USER_AGENT, X_FORWARDED_PROTO,
};
use actix_web::http::{ConnectionType, Method, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};

use crate::http::access;
use crate::http::connection::Connection;
use crate::http::limits::announced_length;
use crate::http::matched::Matched;
use crate::http::metrics::{self, RouteMetrics};
use crate::http::problem::Problem;
use crate::http::request_id::{REQUEST_ID, RequestId, request_id};
use crate::http::security_headers;
use crate::http::unread;
use crate::shutdown::Draining;
use crate::telemetry::trace::{self, Answered, Current, Server};
use crate::telemetry::{AccessLine, ServedTogether};

/// How the User-Agent of a load balancer's health check begins.
const HEALTH_CHECKER: &[u8] = b"ELB-HealthChecker/";
/// Bytes of each part of a line that a caller chooses.
const LONGEST_METHOD: usize = 32;
const LONGEST_PATH: usize = 512;
const LONGEST_CAUSE: usize = 4096;

/// Serves a request and reports it.
pub(crate) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let observed = Observed::new(&request);
    request.extensions_mut().insert(RequestId(observed.id.clone()));
    request.extensions_mut().insert(observed.matched.clone());
    let has_body = has_body(request.headers());
    let serving = request.conn_data::<Rc<Connection>>().map(|connection| connection.serve(has_body));
    let result = {
        let mut unanswered = Unanswered(Some(&observed));
        let result = observed.current().scope(next.call(request)).await;
        unanswered.0 = None;
        result
    };
    drop(serving);
    match result {
        Ok(response) => {
            let mut response = unread::limited(response);
            observed.measure(response.status());
            observed.log(response.response(), response.response().error(), Some(response.request()));
            observed.end(response.status().as_u16(), Some(response.request())).complete(response.response_mut());
            Ok(response)
        }
        Err(error) => {
            // The request went into the error: the server sends this response in place of one for the request.
            let mut response = error.error_response();
            observed.measure(response.status());
            observed.log(&response, Some(&error), None);
            observed.end(response.status().as_u16(), None).complete(&mut response);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// What is known of a request before it is served.
struct Observed {
    started: Instant,
    method: Method,
    uri: Uri,
    id: HeaderValue,
    server: Server,
    matched: Matched,
    client: Option<IpAddr>,
    bytes_in: Option<u64>,
    /// Returns true for a successful health check of a load balancer, which asks every few seconds.
    is_health_check: bool,
    draining: Option<Arc<Draining>>,
}

/// A request without an answer. It is dropped as such only if the client leaves; what was done for it may be stored all the
/// same.
struct Unanswered<'a>(Option<&'a Observed>);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        // A panic has its own line.
        if let Some(observed) = self.0.filter(|_| !std::thread::panicking()) {
            observed.measure(client_closed_request());
            observed.write(client_closed_request(), None, None, None);
        }
    }
}

/// As nginx and load balancers call it. No client sees it.
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).expect("three digits are a status")
}

/// What is left to do once the request's span has ended.
struct Ended {
    id: HeaderValue,
    https: bool,
    draining: Option<Arc<Draining>>,
}

impl Observed {
    fn new(request: &ServiceRequest) -> Self {
        let header = |name| text_of(request.headers(), name);
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            id: request_id(request.headers()),
            server: Server::begin(trace::incoming(header), request.method().as_str()),
            matched: Matched::default(),
            client: access::client_of(request.request()),
            bytes_in: announced_length(request.headers()),
            is_health_check: is_health_check(request),
            draining: request.app_data::<web::Data<Draining>>().map(|flag| Arc::clone(flag)),
        }
    }

    /// Returns the request that the handler's own log lines and calls belong to.
    fn current(&self) -> Current {
        Current::of_request(self.id.clone(), self.server.context())
    }

    fn route(&self) -> Option<&str> {
        self.matched.route().map(RouteMetrics::template)
    }

    fn measure(&self, status: StatusCode) {
        metrics::observe(self.matched.route(), status, self.started.elapsed(), self.server.context());
    }

    /// Writes the line of a request that was answered.
    fn log<B: MessageBody>(&self, response: &HttpResponse<B>, error: Option<&Error>, request: Option<&HttpRequest>) {
        let bytes_out = match response.body().size() {
            BodySize::None => Some(0),
            BodySize::Sized(bytes) => Some(bytes),
            BodySize::Stream => None,
        };
        let together = request.and_then(|request| request.extensions().get::<ServedTogether>().copied());
        self.write(response.status(), bytes_out, error, together);
    }

    /// Writes the request's line. A 5xx is logged only here, with the cause, which the caller does not see.
    fn write(
        &self,
        status: StatusCode,
        bytes_out: Option<u64>,
        error: Option<&Error>,
        together: Option<ServedTogether>,
    ) {
        let failed = status.is_server_error();
        let (level, wanted) = if failed {
            ("ERROR", tracing::enabled!(target: "access", tracing::Level::ERROR))
        } else if self.is_health_check && status.is_success() {
            ("DEBUG", tracing::enabled!(target: "access", tracing::Level::DEBUG))
        } else {
            ("INFO", tracing::enabled!(target: "access", tracing::Level::INFO))
        };
        if !wanted {
            return;
        }
        let error = error.filter(|_| failed);
        let text = error.map(ToString::to_string);
        let cause = error.and_then(|error| error.as_error::<Problem>()).and_then(Problem::cause);
        let line = AccessLine {
            level,
            method: cut(self.method.as_str(), LONGEST_METHOD),
            path: cut(self.uri.path(), LONGEST_PATH),
            route: self.route(),
            status: status.as_u16(),
            bytes_in: self.bytes_in,
            bytes_out,
            client: self.client,
            latency: self.started.elapsed(),
            request_id: self.id.to_str().unwrap_or_default(),
            trace: self.server.context(),
            together,
            error: text.as_deref().map(|text| cut(text, LONGEST_CAUSE)),
            cause: cause.map(|cause| cut(cause, LONGEST_CAUSE)),
        };
        line.write();
    }

    /// Ends the request's span.
    fn end(self, status: u16, request: Option<&HttpRequest>) -> Ended {
        let header = |name: HeaderName| request.and_then(|request| text_of(request.headers(), name));
        let https = header(X_FORWARDED_PROTO) == Some("https");
        let Self { server, matched, .. } = self;
        server.end(self.method.as_str(), || Answered {
            route: matched.route().map(RouteMetrics::template),
            path: cut(self.uri.path(), LONGEST_PATH),
            status,
            scheme: if https { "https" } else { "http" },
            host: header(HOST),
            client: self.client,
            user_agent: header(USER_AGENT).map(|agent| cut(agent, LONGEST_PATH)),
        });
        Ended { id: self.id, https, draining: self.draining }
    }
}

impl Ended {
    /// Adds what every response has.
    fn complete<B>(self, response: &mut HttpResponse<B>) {
        security_headers::add(response.headers_mut(), self.https);
        response.headers_mut().insert(REQUEST_ID, self.id);
        if self.draining.is_some_and(|flag| flag.is_set()) {
            // The client opens its next connection elsewhere instead of losing a request on this one.
            // A `Connection` header has no effect: actix-http replaces it.
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
    }
}

/// The path counts as well, so that a caller cannot hide other requests behind the header.
fn is_health_check(request: &ServiceRequest) -> bool {
    let is_balancer = |agent: &HeaderValue| agent.as_bytes().starts_with(HEALTH_CHECKER);
    request.path().ends_with("/health") && request.headers().get(USER_AGENT).is_some_and(is_balancer)
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING) || announced_length(headers).is_some_and(|length| length > 0)
}

fn text_of(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, try_call_service};
    use serde_json::Value;

    use super::*;
    use crate::http::problem::DRAINING;
    use crate::http::route::route;
    use crate::telemetry;

    async fn text() -> &'static str {
        "text"
    }

    async fn fail_after<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
        next.call(request).await?;
        Err(Problem::new(&DRAINING, "the middleware failed").into())
    }

    #[actix_web::test]
    async fn a_request_that_a_middleware_fails_has_its_route_in_its_line_and_metric() {
        let _lines = tracing::subscriber::set_default(tracing_subscriber::registry());
        telemetry::log_access_as_json();
        let scope = web::scope("/failing").service(route("/things/{id}").get(text)).wrap(from_fn(fail_after));
        let app = init_service(App::new().service(scope).wrap(from_fn(observe))).await;
        for path in ["/failing/things/7", "/failing/nothing"] {
            let response = try_call_service(&app, TestRequest::with_uri(path).to_request()).await;
            assert_eq!(response.unwrap_err().error_response().status(), 503);
        }
        let lines = telemetry::unwritten();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let route_of = |path: &str| &lines.iter().find(|line| line["path"] == path).unwrap()["http.route"];
        assert_eq!(route_of("/failing/things/7"), "/failing/things/{id}");
        assert_eq!(route_of("/failing/nothing"), &Value::Null);
        let metrics = telemetry::metrics::to_text(false);
        let series = "seconds_count{route=\"/failing/things/{id}\",status_class=\"5xx\"} 1";
        assert!(metrics.contains(series), "{metrics}");
    }
}
