//! The machine that a request comes from, for limits and for the log of security events.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use causeway_common::http::access::{client_of, network_of};
use causeway_common::http::problem::Problem;
use causeway_common::http::request_id::RequestId;

use super::id::UserId;

const LONGEST_USER_AGENT: usize = 250;

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Client {
    address: IpAddr,
    request_id: Box<str>,
    user_agent: Option<Box<str>>,
}

impl Client {
    /// Returns the client of this request.
    pub fn of(request: &HttpRequest) -> Self {
        let request_id = request.extensions().get::<RequestId>().map(|id| id.as_str().into()).unwrap_or_default();
        let user_agent = request.headers().get(USER_AGENT).map(|agent| {
            let text = String::from_utf8_lossy(agent.as_bytes());
            text.chars().filter(|c| *c != '\0').take(LONGEST_USER_AGENT).collect::<String>().into()
        });
        // Without one, the answer is not read.
        Self { address: client_of(request).unwrap_or(Ipv4Addr::UNSPECIFIED.into()), request_id, user_agent }
    }

    /// Returns the network that limits by address count.
    pub fn network(&self) -> IpAddr {
        network_of(self.address)
    }

    /// Returns the client's User-Agent.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// Logs a security event. It must hold neither an email nor a token.
    pub fn note(&self, event: &'static str, user: Option<UserId>) {
        tracing::info!(
            target: "security",
            event,
            user.id = user.map(UserId::get),
            client.address = %self.address,
            request_id = &*self.request_id,
            "security"
        );
    }
}

impl FromRequest for Client {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}
