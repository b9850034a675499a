//! Handler parameters that say who may call.

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use causeway_common::http::access::{Access, Bearer, bearer_token};
use causeway_common::http::problem::Problem;
use futures_util::future::LocalBoxFuture;
use std::future::{Ready, ready};

use super::error::{NOT_FOR_THE_ADMIN, NOT_SIGNED_IN};
use super::{Auth, SessionId, TokenHash, UserId, cookie};

/// How a token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// In the cookie of a browser.
    Cookie,
    /// In the `Authorization` header.
    Bearer,
}

/// A signed-in user. A handler with this parameter answers 401 without a session, and 403 to the bearer of `ADMIN_TOKEN`.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// The session's user.
    pub user: UserId,
    /// How its token came.
    pub via: Via,
}

/// A signed-in user, or the bearer of `ADMIN_TOKEN`. A handler with this parameter answers 401 to other callers.
#[derive(Debug, Clone, Copy)]
pub enum Caller {
    /// A user who is signed in.
    User(Session),
    /// The bearer of `ADMIN_TOKEN`.
    Admin,
}

/// The token in the request's cookie, which may belong to no session.
#[derive(Debug, Clone, Copy)]
pub struct PresentedCookie(pub Option<TokenHash>);

enum Credentials {
    None,
    Admin,
    Token(TokenHash, Via),
    /// They do not have the form of a session token.
    Unknown,
}

impl Credentials {
    /// An `Authorization` header decides alone, so that a wrong one never falls back to the cookie.
    fn of(request: &HttpRequest) -> Self {
        if !request.headers().contains_key(AUTHORIZATION) {
            let Some(value) = cookie::sent(request) else { return Self::None };
            return TokenHash::of(&value).map_or(Self::Unknown, |hash| Self::Token(hash, Via::Cookie));
        }
        let access = request.app_data::<web::Data<Access>>();
        if access.is_some_and(|access| access.bearer(request.headers()) == Bearer::Admin) {
            return Self::Admin;
        }
        let token = bearer_token(request.headers()).and_then(|token| str::from_utf8(token).ok());
        token.and_then(TokenHash::of).map_or(Self::Unknown, |hash| Self::Token(hash, Via::Bearer))
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let credentials = Credentials::of(request);
        let auth = request.app_data::<web::Data<Auth>>().cloned().expect("the app has the sessions");
        Box::pin(async move {
            match credentials {
                Credentials::Admin => Ok(Self::Admin),
                Credentials::None => Err(not_signed_in("Sign in: POST /sessions returns a cookie and a token.")),
                Credentials::Unknown => Err(not_signed_in(ENDED)),
                Credentials::Token(token, via) => {
                    let found = auth.look_up(token).await?.ok_or_else(|| not_signed_in(ENDED))?;
                    Ok(Self::User(Session { id: found.id, user: found.user, via }))
                }
            }
        })
    }
}

const ENDED: &str = "This token belongs to no session, or to one that has ended. Sign in again.";

fn not_signed_in(detail: &'static str) -> Problem {
    Problem::new(&NOT_SIGNED_IN, detail)
}

impl FromRequest for Session {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        Box::pin(async move {
            match caller.await? {
                Caller::User(session) => Ok(session),
                Caller::Admin => Err(Problem::new(&NOT_FOR_THE_ADMIN, NOT_FOR_THE_ADMIN.meaning)),
            }
        })
    }
}

impl FromRequest for PresentedCookie {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(cookie::sent(request).and_then(|value| TokenHash::of(&value)))))
    }
}
