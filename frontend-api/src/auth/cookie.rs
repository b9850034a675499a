//! The cookie that carries a session's token in a browser.
//!
//! Browsers accept a cookie with the prefix `__Host-` only with `Secure`, for exactly this host and all its paths, so that
//! no other host on the same site can set it. Over plain HTTP it works only on this machine.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use secrecy::ExposeSecret;

use super::token::{Token, TokenHash};

const NAME: &str = "__Host-session";
/// Browsers forget cookies after 400 days at the latest, which is more than `SESSION_LIFETIME_HOURS` accepts: the server
/// decides when a session ends.
const AGE: Duration = Duration::days(400);

/// Returns the cookie that signs a browser in.
pub fn set(token: &Token) -> Cookie<'static> {
    build(token.secret().expose_secret().to_owned(), AGE)
}

/// Returns the cookie that makes a browser forget its session.
pub fn clear() -> Cookie<'static> {
    build(String::new(), Duration::ZERO)
}

/// Returns whether the browser keeps a session, which may have ended.
pub fn is_kept(request: &HttpRequest) -> bool {
    sent(request).is_some_and(|value| TokenHash::of(&value).is_some())
}

/// Returns what the browser sent, whether or not it is a token.
pub(super) fn sent(request: &HttpRequest) -> Option<String> {
    request.cookie(NAME).map(|cookie| cookie.value().to_owned()).filter(|value| !value.is_empty())
}

fn build(value: String, age: Duration) -> Cookie<'static> {
    Cookie::build(NAME, value).path("/").secure(true).http_only(true).same_site(SameSite::Lax).max_age(age).finish()
}
