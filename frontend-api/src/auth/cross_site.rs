//! Refuses requests that a page of another site made a browser send.
//!
//! Every unsafe request is judged, with or without a session: otherwise another site could sign a visitor in to the site's
//! own account. The rules are those of Go's `CrossOriginProtection`: browsers send the source of a request in
//! `Sec-Fetch-Site`, older ones in `Origin`; a client that sends neither is not a browser.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderName, ORIGIN};
use causeway_common::http::problem::Problem;

use super::client::Client;
use super::error::CROSS_SITE;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Rejects an unsafe request of another site. It is the check of every route that changes something for a user.
///
/// # Errors
/// [`CROSS_SITE`], which is logged as a security event.
pub fn check(request: &HttpRequest) -> Result<(), Problem> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let present = |name: &HeaderName| request.headers().contains_key(name);
    let cross_site = !request.method().is_safe()
        && match (present(&SEC_FETCH_SITE), present(&ORIGIN)) {
            (true, _) => !matches!(header(SEC_FETCH_SITE), Some("same-origin" | "none")),
            (false, false) => false,
            (false, true) => host_of(header(ORIGIN)).is_none_or(|origin| Some(origin) != header(HOST)),
        };
    if !cross_site {
        return Ok(());
    }
    Client::of(request).note("cross_site_refused", None);
    Err(Problem::new(&CROSS_SITE, "A page of another site sent this request. Only pages of this site may send it."))
}

fn host_of(origin: Option<&str>) -> Option<&str> {
    origin?.split_once("://").map(|(_, host)| host)
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_request_of_another_site_is_told_by_what_the_browser_says() {
        let site = "sec-fetch-site";
        let table: [(&[(&str, &str)], bool); 14] = [
            (&[], true),
            (&[(site, "same-origin")], true),
            (&[(site, "none")], true),
            (&[(site, "same-site")], false),
            (&[(site, "cross-site")], false),
            (&[(site, "")], false),
            (&[(site, "\u{e4}")], false),
            (&[(site, "same-origin"), ("origin", "https://evil.example")], true),
            (&[("origin", "https://causeway.example")], true),
            (&[("origin", "http://causeway.example")], true),
            (&[("origin", "https://causeway.example:444")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
        ];
        for (headers, allowed) in table {
            for (method, allowed) in [(Method::POST, allowed), (Method::DELETE, allowed), (Method::GET, true)] {
                let mut request =
                    TestRequest::default().method(method.clone()).insert_header(("host", "causeway.example"));
                for header in headers {
                    request = request.insert_header(*header);
                }
                assert_eq!(check(&request.to_http_request()).is_ok(), allowed, "{method} {headers:?}");
            }
        }
    }
}
