//! The walks: which stages lead to which dependency.

pub(super) mod database;
pub(super) mod private_service;
pub(super) mod secrets_manager;
pub(super) mod target;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use url::Url;

use super::catalogue::{RESOLVER_SILENT, SILENT};
use super::probe::{Dependency, dns, is_public, tcp, tls};
use super::report::StageName;
use super::walk::Walk;
use crate::tls::public_verifier;

const TLS_LIMIT: Duration = Duration::from_secs(2);

async fn resolve(walk: &mut Walk, host: &str, port: u16, dependency: Dependency) -> Option<Vec<SocketAddr>> {
    let probe = dns::resolve(host, port, dependency);
    let addresses = walk.stage(StageName::Dns, dns::LIMIT, &RESOLVER_SILENT, probe).await?;
    walk.is_public(addresses.iter().all(|address| is_public(address.ip())));
    Some(addresses)
}

async fn connect(walk: &mut Walk, addresses: &[SocketAddr], dependency: Dependency) -> Option<TcpStream> {
    let too_slow = dependency.timed_out(addresses.iter().all(|address| is_public(address.ip())));
    walk.stage(StageName::Tcp, tcp::LIMIT, too_slow, tcp::connect(addresses, dependency)).await
}

/// DNS and TCP, and TLS for https: everything before the first byte of HTTP.
async fn reach(walk: &mut Walk, url: &Url, dependency: Dependency) -> Option<()> {
    let host = url.host_str()?.trim_matches(['[', ']']);
    let addresses = resolve(walk, host, url.port_or_known_default()?, dependency).await?;
    let stream = connect(walk, &addresses, dependency).await?;
    if url.scheme() == "https" {
        let probe = tls::handshake(stream, host, public_verifier());
        walk.stage(StageName::Tls, TLS_LIMIT, &SILENT, probe).await?;
    }
    Some(())
}

/// Without user info and what follows the path: either can hold a secret.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // A URL that has a host can have both, so neither call fails.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}
