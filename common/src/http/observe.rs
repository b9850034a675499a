//! What happens around every request: its id, its limits, its line in the access log, its security headers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use time::OffsetDateTime;

use crate::http::access::Access;
use crate::http::metrics::{self, RouteMetrics};
use crate::http::problem::Problem;
use crate::shutdown::Draining;
use crate::telemetry::{AccessLine, Timestamp};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const API_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

pub(crate) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let request_id = request_id(request.headers());
    let draining = request.app_data::<web::Data<Draining>>().map(|flag| Arc::clone(flag));

    let mut response = next.call(request).await?;

    metrics::observe(response.request(), response.status(), started.elapsed());
    log_access(&response, started, &request_id);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, API_POLICY);
    }
    headers.insert(REQUEST_ID, request_id);
    if draining.is_some_and(|flag| flag.is_set()) {
        // The client opens its next connection elsewhere instead of losing a request on this one.
        // A `Connection` header would not do: actix-http writes its own in place of it.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// One line a request. A 5xx is logged here and only here, with the cause that the caller is not told.
fn log_access<B: MessageBody>(response: &ServiceResponse<B>, started: Instant, request_id: &HeaderValue) {
    let failed = response.status().is_server_error();
    let wanted = if failed {
        tracing::enabled!(target: "access", tracing::Level::ERROR)
    } else {
        tracing::enabled!(target: "access", tracing::Level::INFO)
    };
    if !wanted {
        return;
    }
    let request = response.request();
    let error = response.response().error().filter(|_| failed);
    let peer = request.peer_addr().map(|peer| peer.ip());
    let access = request.app_data::<web::Data<Access>>();
    let micros = u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX);
    let line = AccessLine {
        timestamp: Timestamp(OffsetDateTime::now_utc()),
        level: if failed { "ERROR" } else { "INFO" },
        target: "access",
        method: request.method().as_str(),
        path: request.path(),
        route: request.app_data::<RouteMetrics>().map(|route| route.template(request)),
        status: response.status().as_u16(),
        bytes_in: announced_length(request.headers()),
        bytes_out: match response.response().body().size() {
            BodySize::None => Some(0),
            BodySize::Sized(bytes) => Some(bytes),
            BodySize::Stream => None,
        },
        client: access.map_or(peer, |access| access.client_address(peer, request.headers())),
        latency_ms: f64::from(micros) / 1e3,
        request_id: request_id.to_str().unwrap_or_default(),
        trace_id: trace_id(request.headers()),
        error: error.map(ToString::to_string),
        cause: error.and_then(|error| error.as_error::<Problem>()).and_then(Problem::cause),
    };
    line.write();
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The caller's `X-Request-Id` if it is a plain one, else a new one: unique in this process and all others.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(std::process::id())
    });
    static COUNT: AtomicU64 = AtomicU64::new(0);

    let plain = |id: &&HeaderValue| {
        (1..=128).contains(&id.len())
            && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:=/+".contains(b))
    };
    headers.get(&REQUEST_ID).filter(plain).cloned().unwrap_or_else(|| {
        let id = format!("{:016x}-{:x}", *PROCESS, COUNT.fetch_add(1, Ordering::Relaxed));
        HeaderValue::from_str(&id).expect("hexadecimal digits and a dash are a valid header value")
    })
}

/// The trace that this request belongs to: W3C's `traceparent`, or the `Root` of AWS's `X-Amzn-Trace-Id`.
fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let header = |name| headers.get(&name).and_then(|value| value.to_str().ok());
    let w3c = || header(TRACEPARENT)?.split('-').nth(1).filter(|id| id.len() == 32);
    let xray = || header(X_AMZN_TRACE_ID)?.split(';').find_map(|part| part.trim().strip_prefix("Root="));
    w3c().or_else(xray)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn the_trace_id_is_read_from_w3c_and_from_aws_headers() {
        let w3c = headers("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(trace_id(&w3c), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        let xray = headers("x-amzn-trace-id", "Self=1-2-3; Root=1-67891233-abcdef012345678912345678;Sampled=1");
        assert_eq!(trace_id(&xray), Some("1-67891233-abcdef012345678912345678"));
        assert_eq!(trace_id(&headers("traceparent", "rubbish")), None);
    }

    #[test]
    fn a_request_id_of_the_caller_is_kept_unless_it_could_forge_a_log_line() {
        assert_eq!(request_id(&headers("x-request-id", "abc-1")), "abc-1");
        let forged = request_id(&headers("x-request-id", "a b\"}"));
        assert_ne!(forged, "a b\"}");
        assert_ne!(forged, request_id(&HeaderMap::new()));
    }
}
