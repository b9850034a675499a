//! Who sends a request: the client's address, whether the client is on this machine, and whether it bears `ADMIN_TOKEN`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::http::header::{AUTHORIZATION, FORWARDED, HOST, HeaderMap, HeaderName, VIA, X_FORWARDED_FOR};
use actix_web::http::header::{X_FORWARDED_HOST, X_FORWARDED_PROTO};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::config::{Group, Optional, Var, Vars};

/// Nothing limits the number of guesses, so a token must be too long to guess.
const SHORTEST_TOKEN: usize = 32;
const MOST_HOPS: usize = 5;
/// Any of them shows that a proxy stands between the client and this server.
const PROXY_HEADERS: [HeaderName; 6] =
    [FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, VIA, HeaderName::from_static("x-real-ip")];

const FORWARDED_HOPS: Var<usize> = Var::int(
    "FORWARDED_HOPS",
    0,
    0..=MOST_HOPS,
    "Proxies in front of this server that append the client's address to `X-Forwarded-For` or `Forwarded`: 1 behind App \
     Runner or one load balancer. With 0 the headers are ignored.",
);
const ADMIN_TOKEN: Optional<SecretString> = Optional::secret(
    "ADMIN_TOKEN",
    "only callers on this machine see them",
    "Bearer token of 32 characters or more. Its bearer sees evidence and causes in `/test-connection`.",
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
        let (Some(expected), Some(sent)) = (&self.admin_token, headers.get(AUTHORIZATION)) else {
            return Bearer::Nobody;
        };
        let sent = sent.as_bytes().strip_prefix(b"Bearer ").unwrap_or_default();
        if bool::from(sent.ct_eq(expected.expose_secret().as_bytes())) { Bearer::Admin } else { Bearer::Other }
    }

    /// Returns the client's address: the peer's, or, with `FORWARDED_HOPS`, the one that the outermost trusted proxy saw.
    ///
    /// Only the rightmost entries are of proxies that are ours; everything left of them is the caller's word. Private
    /// entries are skipped, because a platform's own inner hops append them; a caller inside the VPC can therefore choose
    /// its address. Where the entry is missing or is no address, the peer's address is returned.
    pub fn client_address(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let nth = self.hops.checked_sub(1);
        nth.and_then(|nth| forwarded_address(headers, nth)).or(peer).map(|address| address.to_canonical())
    }
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

/// Returns what limits by address should count: an IPv4 address, or an IPv6 network of 64 bits, which is one customer's.
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

/// `X-Forwarded-For` wins: balancers that write it pass a caller's `Forwarded` on unread.
fn forwarded_address(headers: &HeaderMap, nth: usize) -> Option<IpAddr> {
    let (name, parse): (_, fn(&str) -> Option<IpAddr>) =
        if headers.contains_key(X_FORWARDED_FOR) { (X_FORWARDED_FOR, parse_node) } else { (FORWARDED, parse_element) };
    // A proxy may append to the last line or add a line. No entry of ours holds a comma, so a caller's unclosed quote
    // can't swallow one.
    let lines: Vec<&str> = headers.get_all(name).map(|line| line.to_str().unwrap_or_default()).collect();
    let mut left = nth;
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let address = parse(entry.trim())?.to_canonical();
        if is_inner(address) {
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

fn is_inner(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const PEER: &str = "10.0.0.1";

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn client(hops: usize, lines: &[(&str, &str)]) -> String {
        let access = Access { hops, admin_token: None };
        access.client_address(PEER.parse().ok(), &headers(lines)).unwrap().to_string()
    }

    #[test]
    fn the_client_is_counted_from_the_right() {
        type Lines = &'static [(&'static str, &'static str)];
        const X: &str = "x-forwarded-for";
        let table: [(usize, Lines, &str); 17] = [
            (0, &[(X, "8.8.8.8")], PEER),
            (1, &[], PEER),
            (1, &[(X, "8.8.8.8")], "8.8.8.8"),
            (1, &[(X, "6.6.6.6, 8.8.8.8")], "8.8.8.8"),
            (1, &[(X, "6.6.6.6"), (X, "8.8.8.8")], "8.8.8.8"),
            (1, &[(X, "8.8.8.8, 10.1.2.3,100.64.9.9")], "8.8.8.8"),
            (2, &[(X, "6.6.6.6, 8.8.8.8, 9.9.9.9")], "8.8.8.8"),
            (2, &[(X, "8.8.8.8")], PEER),
            (1, &[(X, "6.6.6.6, unknown")], PEER),
            (1, &[(X, "8.8.8.8:1234")], "8.8.8.8"),
            (1, &[(X, "[2600::1]:1234")], "2600::1"),
            (1, &[(X, "::ffff:8.8.8.8")], "8.8.8.8"),
            (1, &[(X, "6.6.6.6"), (X, "8.8.8.8\u{e4}")], PEER),
            (1, &[("forwarded", "for=6.6.6.6;proto=http, proto=https;For=\"[2600::1]:80\"")], "2600::1"),
            (1, &[("forwarded", "for=\"6.6.6.6, for=8.8.8.8")], "8.8.8.8"),
            (1, &[("forwarded", "for=6.6.6.6, for=_hidden")], PEER),
            (1, &[("forwarded", "for=6.6.6.6"), (X, "8.8.8.8")], "8.8.8.8"),
        ];
        for (hops, lines, expected) in table {
            assert_eq!(client(hops, lines), expected, "{hops} {lines:?}");
        }
    }

    #[test]
    fn a_local_client_comes_from_loopback_through_no_proxy_and_by_a_local_name() {
        let local = |peer: &str, lines: &[(&str, &str)]| is_local(peer.parse().ok(), &headers(lines));
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "[::1]"] {
            assert!(local("127.0.0.1", &[("host", host)]) && local("::ffff:127.0.0.1", &[("host", host)]), "{host}");
            assert!(!local("10.0.0.1", &[("host", host)]), "{host}");
        }
        for host in ["rebound.example", "localhost.example", "127.0.0.1.example:80", "8.8.8.8", ""] {
            assert!(!local("::1", &[("host", host)]), "{host}");
        }
        assert!(!local("127.0.0.1", &[]));
        for name in PROXY_HEADERS {
            assert!(!local("127.0.0.1", &[("host", "localhost"), (name.as_str(), "")]), "{name}");
        }
    }

    #[test]
    fn only_the_whole_admin_token_makes_an_admin() {
        let token = "a-token-of-thirty-two-characters";
        let access = Access { hops: 0, admin_token: Some(token.into()) };
        let bearer = |value: &str| access.bearer(&headers(&[("authorization", value)]));
        assert_eq!(access.bearer(&HeaderMap::new()), Bearer::Nobody);
        assert_eq!(bearer(&format!("Bearer {token}")), Bearer::Admin);
        for other in ["", "Bearer ", token, &format!("Bearer {token}x"), &format!("Basic {token}"), &token[1..]] {
            assert_eq!(bearer(other), Bearer::Other, "{other}");
        }
        let open = Access::default();
        assert_eq!(open.bearer(&headers(&[("authorization", "Bearer ")])), Bearer::Nobody);
    }

    #[test]
    fn limits_count_an_ipv4_address_or_a_network_of_64_bits() {
        for (address, network) in
            [("8.8.8.8", "8.8.8.8"), ("::ffff:8.8.8.8", "8.8.8.8"), ("2600:1:2:3:4:5:6:7", "2600:1:2:3::")]
        {
            assert_eq!(network_of(address.parse().unwrap()), network.parse::<IpAddr>().unwrap());
        }
    }

    proptest! {
        #[test]
        fn nothing_that_a_caller_sends_displaces_the_entry_of_the_proxy(sent in "[ -~]{0,80}", which in 0..2_usize) {
            let (name, ours) = [("x-forwarded-for", "8.8.8.8"), ("forwarded", "for=8.8.8.8;proto=https")][which];
            // A proxy of ours appends to the caller's line, or adds a line.
            for lines in [vec![(name, format!("{sent}, {ours}"))], vec![(name, sent.clone()), (name, ours.to_owned())]] {
                let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
                prop_assert_eq!(client(1, &lines), "8.8.8.8");
            }
        }

        #[test]
        fn any_headers_give_an_address(lines in prop::collection::vec((0..2_usize, "[\\x20-\\x7e\\u{80}-\\u{ff}]{0,60}"), 0..6), hops in 0..6_usize) {
            let names = ["x-forwarded-for", "forwarded"];
            let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (names[*name], value.as_str())).collect();
            prop_assert!(client(hops, &lines).parse::<IpAddr>().is_ok());
        }
    }
}
