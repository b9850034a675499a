//! `TARGET:TARGETPORT`: can a TCP connection be made?

use std::time::Duration;

use causeway_common::config::Vars;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// Resolving and connecting together.
const LIMIT: Duration = Duration::from_secs(2);

/// `TARGET` and `TARGETPORT`; without them the database's host and port.
#[derive(Debug, Clone)]
pub struct TargetConfig {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
}

impl TargetConfig {
    /// Reads `TARGET` and `TARGETPORT`.
    pub fn load(vars: &mut Vars<'_>) -> Self {
        Self { host: vars.text("TARGET"), port: vars.parsed("TARGETPORT", crate::database::parse_port) }
    }
}

/// One line that says how it went: `Ok` when the connection could be made.
pub(super) async fn reach(host: &str, port: u16) -> Result<String, String> {
    match timeout(LIMIT, connect(host, port)).await {
        Ok(Ok(address)) => Ok(format!("Connection to {host} ({address}) port {port} succeeded!")),
        Ok(Err(problem)) => Err(format!("Connection to {host} port {port} failed: {problem}")),
        Err(_) => Err(format!("Connection to {host} port {port} failed: no answer within {} s", LIMIT.as_secs())),
    }
}

async fn connect(host: &str, port: u16) -> Result<std::net::IpAddr, std::io::Error> {
    let mut outcome = Err(std::io::Error::other("the name has no address"));
    for address in lookup_host((host, port)).await? {
        outcome = TcpStream::connect(address).await.map(|_| address.ip());
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}
