//! What distinguishes requests from one another: the id of each.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The id of a request, which its answer, its line in the access log and the lines about it have.
#[derive(Debug, Clone)]
pub struct RequestId(pub(super) HeaderValue);

impl RequestId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn a_request_id_of_the_caller_is_kept_unless_it_could_forge_a_log_line() {
        assert_eq!(request_id(&headers("x-request-id", "abc-1")), "abc-1");
        let forged = request_id(&headers("x-request-id", "a b\"}"));
        assert_ne!(forged, "a b\"}");
        assert_ne!(forged, request_id(&HeaderMap::new()));
    }
}
