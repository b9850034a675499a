//! The id of each request.

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

const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Digits of a `u64`.
const HALF: usize = 16;

/// Returns the caller's `X-Request-Id` if it is plain text, otherwise a new id, which is unique across processes.
pub(super) fn request_id(headers: &HeaderMap) -> HeaderValue {
    static PROCESS: LazyLock<[u8; HALF]> = LazyLock::new(|| {
        use std::hash::{BuildHasher, RandomState};
        hexadecimal(RandomState::new().hash_one(std::process::id()))
    });
    static COUNT: AtomicU64 = AtomicU64::new(0);

    let plain = |id: &&HeaderValue| {
        (1..=128).contains(&id.len())
            && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:=/+".contains(b))
    };
    headers.get(&REQUEST_ID).filter(plain).cloned().unwrap_or_else(|| {
        let mut id = [b'-'; 2 * HALF + 1];
        id[..HALF].copy_from_slice(&*PROCESS);
        id[HALF + 1..].copy_from_slice(&hexadecimal(COUNT.fetch_add(1, Ordering::Relaxed)));
        HeaderValue::from_bytes(&id).expect("hexadecimal digits and a dash are a valid header value")
    })
}

/// By hand: `format!` costs as much as half an access line.
fn hexadecimal(number: u64) -> [u8; HALF] {
    let mut digits = [0; HALF];
    for (digit, byte) in digits.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        digit.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    digits
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

    #[test]
    fn a_new_id_names_the_process_and_counts() {
        let [first, second] = [(), ()].map(|()| RequestId(request_id(&HeaderMap::new())));
        let ((process, count), (same, next)) =
            (first.as_str().split_once('-').unwrap(), second.as_str().split_once('-').unwrap());
        assert_eq!(process, same);
        assert_ne!(count, next);
        for digits in [process, count, next] {
            assert!(digits.len() == HALF && u64::from_str_radix(digits, 16).is_ok(), "{digits}");
        }
    }

    #[test]
    fn numbers_are_written_with_all_their_digits() {
        assert_eq!(&hexadecimal(0x0123_4567_89ab_cdef), b"0123456789abcdef");
        assert_eq!(&hexadecimal(u64::MAX), b"ffffffffffffffff");
    }
}
