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
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(bearer(&format!("{scheme} {token}")), Bearer::Admin, "{scheme}");
    }
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

#[test]
fn private_addresses_are_those_of_vpcs_and_of_this_machine() {
    for private in
        ["10.0.1.5", "172.31.0.9", "192.168.1.1", "100.64.3.3", "127.0.0.1", "fd00::1", "::1", "::", "0.0.0.0"]
    {
        assert!(!is_public(private.parse().unwrap()), "{private}");
    }
    for public in ["52.94.5.1", "100.128.0.1", "2600:1f18::1", "::ffff:8.8.8.8"] {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
}
