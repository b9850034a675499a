//! What happens around every request: its id, its line in the access log, the security headers of its response.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    AsHeaderName, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, TRANSFER_ENCODING, USER_AGENT, X_CONTENT_TYPE_OPTIONS, X_FORWARDED_PROTO,
};
use actix_web::http::{ConnectionType, Method, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};
use time::OffsetDateTime;

use crate::http::access::Access;
use crate::http::connection::Connection;
use crate::http::metrics::{self, RouteMetrics};
use crate::http::problem::Problem;
use crate::http::request_id::{REQUEST_ID, RequestId, request_id};
use crate::shutdown::Draining;
use crate::telemetry::trace::{self, Answered, Current, Server, XRay};
use crate::telemetry::{AccessLine, ServedTogether, Shown, Timestamp};

const API_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
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
) -> Result<ServiceResponse<B>, Error> {
    let observed = Observed::new(&request);
    request.extensions_mut().insert(RequestId(observed.id.clone()));
    let has_body = has_body(request.headers());
    let serving = request.conn_data::<Rc<Connection>>().map(|connection| connection.serve(has_body));
    let result = observed.current().scope(next.call(request)).await;
    drop(serving);
    match result {
        Ok(mut response) => {
            let trace = observed.server.context();
            metrics::observe(response.request(), response.status(), observed.started.elapsed(), trace);
            observed.log(response.response(), response.response().error(), Some(response.request()));
            observed.end(response.status().as_u16(), Some(response.request())).complete(response.response_mut());
            Ok(response)
        }
        Err(error) => {
            // The request went into the error: the server sends this response in place of one for the request.
            let mut response = error.error_response();
            let trace = observed.server.context();
            metrics::observe_unrouted(response.status(), observed.started.elapsed(), trace);
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
    client: Option<IpAddr>,
    bytes_in: Option<u64>,
    /// A load balancer asks every few seconds: as long as all is well, that is no news.
    is_health_check: bool,
    draining: Option<Arc<Draining>>,
}

/// What is left to do once the request's span has ended.
struct Ended {
    id: HeaderValue,
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
            client: client_address(request),
            bytes_in: announced_length(request.headers()),
            is_health_check: is_health_check(request),
            draining: request.app_data::<web::Data<Draining>>().map(|flag| Arc::clone(flag)),
        }
    }

    /// Returns what the handler's own lines and calls belong to.
    fn current(&self) -> Current {
        Current::of_request(self.id.clone(), self.server.context())
    }

    /// Writes the request's line. A 5xx is logged here and only here, with the cause that the caller is not told.
    fn log<B: MessageBody>(&self, response: &HttpResponse<B>, error: Option<&Error>, request: Option<&HttpRequest>) {
        let status = response.status();
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
        let together = request.and_then(|request| request.extensions().get::<ServedTogether>().copied());
        let trace = self.server.context();
        let line = AccessLine {
            timestamp: Timestamp(OffsetDateTime::now_utc()),
            level,
            target: "access",
            method: cut(self.method.as_str(), LONGEST_METHOD),
            path: cut(self.uri.path(), LONGEST_PATH),
            route: request.and_then(route),
            status: status.as_u16(),
            bytes_in: self.bytes_in,
            bytes_out: match response.body().size() {
                BodySize::None => Some(0),
                BodySize::Sized(bytes) => Some(bytes),
                BodySize::Stream => None,
            },
            client: self.client,
            latency_ms: milliseconds(self.started.elapsed()),
            request_id: self.id.to_str().unwrap_or_default(),
            trace_id: trace.trace_id().map(Shown),
            xray_trace_id: trace.trace_id().map(|id| Shown(XRay(id))),
            span_id: trace.span_id().map(Shown),
            batch_size: together.map(|together| together.batch_size),
            wait_ms: together.map(|together| milliseconds(together.wait)),
            error: text.as_deref().map(|text| cut(text, LONGEST_CAUSE)),
            cause: cause.map(|cause| cut(cause, LONGEST_CAUSE)),
        };
        line.write();
    }

    /// Ends the request's span.
    fn end(self, status: u16, request: Option<&HttpRequest>) -> Ended {
        let header = |name: HeaderName| request.and_then(|request| text_of(request.headers(), name));
        let https = header(X_FORWARDED_PROTO) == Some("https");
        self.server.end(self.method.as_str(), || Answered {
            route: request.and_then(route),
            path: cut(self.uri.path(), LONGEST_PATH),
            status,
            scheme: if https { "https" } else { "http" },
            host: header(HOST),
            client: self.client,
            user_agent: header(USER_AGENT).map(|agent| cut(agent, LONGEST_PATH)),
        });
        Ended { id: self.id, draining: self.draining }
    }
}

impl Ended {
    /// Adds what every response has.
    fn complete<B>(self, response: &mut HttpResponse<B>) {
        add_security_headers(response.headers_mut());
        response.headers_mut().insert(REQUEST_ID, self.id);
        if self.draining.is_some_and(|flag| flag.is_set()) {
            // The client opens its next connection elsewhere instead of losing a request on this one.
            // A `Connection` header would not do: actix-http writes its own in place of it.
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
    }
}

fn add_security_headers(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for (name, default) in [
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, API_POLICY),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, default);
        }
    }
}

/// The path counts, too, so that a caller can't hide other requests behind the header.
fn is_health_check(request: &ServiceRequest) -> bool {
    let is_balancer = |agent: &HeaderValue| agent.as_bytes().starts_with(HEALTH_CHECKER);
    request.path().ends_with("/health") && request.headers().get(USER_AGENT).is_some_and(is_balancer)
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING) || announced_length(headers).is_some_and(|length| length > 0)
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn client_address(request: &ServiceRequest) -> Option<IpAddr> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let access = request.app_data::<web::Data<Access>>();
    access.map_or(peer, |access| access.client_address(peer, request.headers()))
}

fn route(request: &HttpRequest) -> Option<&str> {
    Some(request.app_data::<RouteMetrics>()?.template(request))
}

fn text_of(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn milliseconds(duration: Duration) -> f64 {
    f64::from(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)) / 1e3
}

fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}
