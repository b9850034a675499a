//! Who sends a request: the client's address, whether the client is on this machine, and whether it bears `ADMIN_TOKEN`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::http::header::{AUTHORIZATION, FORWARDED, HOST, HeaderMap, HeaderName, VIA, X_FORWARDED_FOR};
use actix_web::http::header::{X_FORWARDED_HOST, X_FORWARDED_PROTO};
use actix_web::{HttpRequest, web};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::config::{Group, Optional, Var, Vars};

/// The number of guesses is not limited, so a token must be too long to guess.
const SHORTEST_TOKEN: usize = 32;
const MOST_HOPS: usize = 5;
/// Any of them shows that a proxy stands between the client and this server.
const PROXY_HEADERS: [HeaderName; 6] =
    [FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, VIA, HeaderName::from_static("x-real-ip")];

const FORWARDED_HOPS: Var<usize> = Var::int(
    "FORWARDED_HOPS",
    0,
    0..=MOST_HOPS,
    "Number of proxies in front of this server that append the client's address to `X-Forwarded-For` or `Forwarded`: \
     1 behind App Runner or one load balancer. With 0 the service ignores these headers.",
);
const ADMIN_TOKEN: Optional<SecretString> = Optional::secret(
    "ADMIN_TOKEN",
    "no token; only callers on the same machine see metrics and evidence",
    "Token of 32 characters or more. Its bearer may read `/metrics` and, in frontend-api, sees evidence and causes \
     in `/test-connection` and manages users.",
);

/// How to recognise the client of a request.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Proxies in front of this server whose entry in `X-Forwarded-For` or `Forwarded` is true.
    hops: usize,
    /// Its bearer may see everything.
    admin_token: Option<SecretString>,
}

/// What a request's `Authorization` header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    /// There is no such header, or no `ADMIN_TOKEN` to compare it with.
    Nobody,
    /// It is `Bearer` and the `ADMIN_TOKEN`.
    Admin,
    /// It is something else.
    Other,
}

impl Access {
    /// Its variables.
    pub const VARIABLES: Group = Group { title: "Callers", variables: &[&FORWARDED_HOPS, &ADMIN_TOKEN] };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        let admin_token = vars.read(&ADMIN_TOKEN);
        if admin_token.as_ref().is_some_and(|token| token.expose_secret().len() < SHORTEST_TOKEN) {
            vars.reject("ADMIN_TOKEN", format!("is shorter than {SHORTEST_TOKEN} characters"));
        }
        Self { hops: vars.read(&FORWARDED_HOPS), admin_token }
    }

    /// Returns whether there is an `ADMIN_TOKEN`.
    pub fn has_admin_token(&self) -> bool {
        self.admin_token.is_some()
    }

    /// Compares the `Authorization` header with the `ADMIN_TOKEN`, in constant time.
    pub fn bearer(&self, headers: &HeaderMap) -> Bearer {
        let Some(expected) = self.admin_token.as_ref().filter(|_| headers.contains_key(AUTHORIZATION)) else {
            return Bearer::Nobody;
        };
        let sent = bearer_token(headers).unwrap_or_default();
        if bool::from(sent.ct_eq(expected.expose_secret().as_bytes())) { Bearer::Admin } else { Bearer::Other }
    }

    /// Returns the client's address: the peer's, or, with `FORWARDED_HOPS`, the one that the outermost trusted proxy saw.
    ///
    /// Our own proxies wrote only the rightmost entries; the caller chooses everything left of them. Private entries are
    /// skipped, because a platform's inner hops append them; so a caller inside the VPC can choose its address. If the
    /// entry is missing or is not an address, the peer's address is returned.
    pub fn client_address(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let nth = self.hops.checked_sub(1);
        nth.and_then(|nth| forwarded_address(headers, nth)).or(peer).map(|address| address.to_canonical())
    }
}

/// Returns the address of a request's client, as [`Access::client_address`] does. A closed connection has none.
pub fn client_of(request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let access = request.app_data::<web::Data<Access>>();
    access.map_or(peer, |access| access.client_address(peer, request.headers()))
}

/// Returns the token of an `Authorization` header whose scheme is `Bearer`, in upper or lower case (RFC 9110).
pub fn bearer_token(headers: &HeaderMap) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"Bearer ";
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(token)
}

/// Returns whether the client is on this machine: the peer is loopback, no proxy has forwarded the request, and it was
/// addressed to this machine by a name that no other site can have.
///
/// The last rule keeps out pages of other sites in a developer's browser whose name resolves to 127.0.0.1.
pub fn is_local(peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
    let loopback = peer.is_some_and(|address| address.to_canonical().is_loopback());
    let forwarded = PROXY_HEADERS.iter().any(|name| headers.contains_key(name));
    loopback && !forwarded && headers.get(HOST).and_then(|host| host.to_str().ok()).is_some_and(names_this_machine)
}

/// Returns the network that limits by address count: an IPv4 address, or an IPv6 network of 64 bits, which one customer has.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// `X-Forwarded-For` wins: balancers that write it pass on a caller's `Forwarded` without reading it.
fn forwarded_address(headers: &HeaderMap, nth: usize) -> Option<IpAddr> {
    let (name, parse): (_, fn(&str) -> Option<IpAddr>) =
        if headers.contains_key(X_FORWARDED_FOR) { (X_FORWARDED_FOR, parse_node) } else { (FORWARDED, parse_element) };
    // A proxy may append to the last line or add a line. No entry of ours holds a comma, so a caller's unclosed quote
    // can't swallow one.
    let lines: Vec<&str> = headers.get_all(name).map(|line| line.to_str().unwrap_or_default()).collect();
    let mut left = nth;
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let address = parse(entry.trim())?.to_canonical();
        if !is_public(address) {
            continue;
        }
        match left.checked_sub(1) {
            None => return Some(address),
            Some(less) => left = less,
        }
    }
    None
}

/// `for=…` of one element of `Forwarded` (RFC 7239).
fn parse_element(element: &str) -> Option<IpAddr> {
    let value = element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    })?;
    parse_node(value.trim_matches('"'))
}

/// An address, with or without a port.
fn parse_node(node: &str) -> Option<IpAddr> {
    let bare = || node.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(node).parse().ok();
    bare().or_else(|| node.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Returns whether an address is of the internet rather than of a VPC or this machine.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests;
