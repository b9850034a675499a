//! What tells requests from one another: the id of the request, and the id of the trace that it belongs to.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Returns the caller's `X-Request-Id` if it is a plain one, otherwise a new one, which no other process makes either.
pub(super) fn request_id(headers: &HeaderMap) -> HeaderValue {
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

/// Returns the trace that this request belongs to: W3C's `traceparent`, or the `Root` of AWS's `X-Amzn-Trace-Id`.
pub(super) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let header = |name| headers.get(&name).and_then(|value| value.to_str().ok());
    let w3c = || header(TRACEPARENT)?.split('-').nth(1).filter(|id| id.len() == 32 && is_hex(id));
    let xray = || header(X_AMZN_TRACE_ID)?.split(';').find_map(|part| part.trim().strip_prefix("Root="));
    w3c().or_else(|| xray().filter(|root| is_xray_root(root)))
}

/// `1-67891233-abcdef012345678912345678`
fn is_xray_root(root: &str) -> bool {
    let parts: Vec<&str> = root.splitn(4, '-').collect();
    matches!(parts[..], ["1", time, id] if time.len() == 8 && id.len() == 24 && is_hex(time) && is_hex(id))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
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
        for no_id in ["rubbish", "00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01", "00--00f067aa0ba902b7-01"] {
            assert_eq!(trace_id(&headers("traceparent", no_id)), None, "{no_id}");
        }
        for no_id in
            ["Root=rubbish", "Root=1-6789123-abcdef0123456789123456789", "Root=1-67891233-abcdef01234567891234567\\"]
        {
            assert_eq!(trace_id(&headers("x-amzn-trace-id", no_id)), None, "{no_id}");
        }
    }

    #[test]
    fn a_request_id_of_the_caller_is_kept_unless_it_could_forge_a_log_line() {
        assert_eq!(request_id(&headers("x-request-id", "abc-1")), "abc-1");
        let forged = request_id(&headers("x-request-id", "a b\"}"));
        assert_ne!(forged, "a b\"}");
        assert_ne!(forged, request_id(&HeaderMap::new()));
    }
}
