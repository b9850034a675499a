//! What happens around every request: its id, its line in the access log, the security headers of its response.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, REFERRER_POLICY, USER_AGENT,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{ConnectionType, Method, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use time::OffsetDateTime;

use crate::http::access::Access;
use crate::http::connection::Connection;
use crate::http::metrics::{self, RouteMetrics};
use crate::http::problem::Problem;
use crate::http::request_id::{REQUEST_ID, request_id, trace_id};
use crate::shutdown::Draining;
use crate::telemetry::{AccessLine, Timestamp};

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
    let serving = request.conn_data::<Rc<Connection>>().map(Connection::serve);
    let result = next.call(request).await;
    drop(serving);
    match result {
        Ok(mut response) => {
            metrics::observe(response.request(), response.status(), observed.started.elapsed());
            observed.log(response.response(), response.response().error(), Some(response.request()));
            observed.complete(response.response_mut());
            Ok(response)
        }
        Err(error) => {
            // The request went into the error: the server sends this response in place of one for the request.
            let mut response = error.error_response();
            metrics::observe_unrouted(response.status(), observed.started.elapsed());
            observed.log(&response, Some(&error), None);
            observed.complete(&mut response);
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
    trace: Option<Box<str>>,
    client: Option<IpAddr>,
    bytes_in: Option<u64>,
    /// A load balancer asks every few seconds: as long as all is well, that is no news.
    is_health_check: bool,
    draining: Option<Arc<Draining>>,
}

impl Observed {
    fn new(request: &ServiceRequest) -> Self {
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            id: request_id(request.headers()),
            trace: trace_id(request.headers()).map(Box::from),
            client: client_address(request),
            bytes_in: announced_length(request.headers()),
            is_health_check: is_health_check(request),
            draining: request.app_data::<web::Data<Draining>>().map(|flag| Arc::clone(flag)),
        }
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
        let micros = u32::try_from(self.started.elapsed().as_micros()).unwrap_or(u32::MAX);
        let line = AccessLine {
            timestamp: Timestamp(OffsetDateTime::now_utc()),
            level,
            target: "access",
            method: cut(self.method.as_str(), LONGEST_METHOD),
            path: cut(self.uri.path(), LONGEST_PATH),
            route: request.and_then(|request| Some(request.app_data::<RouteMetrics>()?.template(request))),
            status: status.as_u16(),
            bytes_in: self.bytes_in,
            bytes_out: match response.body().size() {
                BodySize::None => Some(0),
                BodySize::Sized(bytes) => Some(bytes),
                BodySize::Stream => None,
            },
            client: self.client,
            latency_ms: f64::from(micros) / 1e3,
            request_id: self.id.to_str().unwrap_or_default(),
            trace_id: self.trace.as_deref(),
            error: text.as_deref().map(|text| cut(text, LONGEST_CAUSE)),
            cause: cause.map(|cause| cut(cause, LONGEST_CAUSE)),
        };
        line.write();
    }

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

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn client_address(request: &ServiceRequest) -> Option<IpAddr> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let access = request.app_data::<web::Data<Access>>();
    access.map_or(peer, |access| access.client_address(peer, request.headers()))
}

fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}
