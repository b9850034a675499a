//! The walks: which stages lead to which dependency.

mod database;
mod private_service;
mod secrets_manager;
mod target;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use url::Url;

use self::database::DatabaseCheck;
use self::private_service::PrivateServiceCheck;
use self::secrets_manager::SecretsManagerCheck;
use self::target::TargetCheck;
use super::Check;
use super::causes::{RESOLVER_SILENT, SILENT};
use super::config::Target;
use super::probe::{dns, http, is_public, tcp, timed_out, tls};
use super::stage::StageName;
use super::walk::Walk;
use crate::database::{CredentialsProvider, Database, DatabaseConfig};
use crate::tls::public_verifier;
use crate::visits::TableName;

/// What the service depends on.
pub struct Dependencies {
    pub database: Arc<DatabaseConfig>,
    pub table: TableName,
    pub credentials: Arc<CredentialsProvider>,
    pub private_service: Option<Url>,
    /// The running service's pool: what it says of the database is checked as well.
    pub service: Option<Database>,
}

/// Returns every check in the order of blame: what others depend on comes first.
///
/// # Errors
/// When no HTTP client can be made.
pub(super) fn all(targets: Vec<Target>, dependencies: Dependencies) -> Result<Vec<Box<dyn Check>>, reqwest::Error> {
    let Dependencies { database, table, credentials, private_service, service } = dependencies;
    let client = http::client()?;
    let mut checks: Vec<Box<dyn Check>> = Vec::new();
    if let Some(id) = credentials.secret_id().map(str::to_owned) {
        checks.push(Box::new(SecretsManagerCheck { id, provider: credentials.clone() }));
    }
    checks.push(Box::new(DatabaseCheck { config: database, table, provider: credentials, service }));
    if let Some(url) = private_service {
        checks.push(Box::new(PrivateServiceCheck { url, client: client.clone() }));
    }
    checks.extend(targets.into_iter().map(|target| of_target(target, &client)));
    Ok(checks)
}

/// Returns checks of these targets alone.
///
/// # Errors
/// When no HTTP client can be made.
pub(super) fn of_targets(targets: Vec<Target>) -> Result<Vec<Box<dyn Check>>, reqwest::Error> {
    let client = http::client()?;
    Ok(targets.into_iter().map(|target| of_target(target, &client)).collect())
}

fn of_target(target: Target, client: &reqwest::Client) -> Box<dyn Check> {
    Box::new(TargetCheck { target, client: client.clone() })
}

const TLS_LIMIT: Duration = Duration::from_secs(2);

async fn resolve(walk: &mut Walk, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
    walk.facts().asked_resolver = host.parse::<IpAddr>().is_err();
    let subject = walk.subject().clone();
    let probe = dns::resolve(host, port, &subject);
    let addresses = walk.stage(StageName::Dns, dns::LIMIT, &RESOLVER_SILENT, probe).await?;
    walk.facts().is_public = Some(all_public(&addresses));
    Some(addresses)
}

async fn connect(walk: &mut Walk, addresses: &[SocketAddr]) -> Option<TcpStream> {
    let subject = walk.subject().clone();
    let too_slow = timed_out(&subject, all_public(addresses));
    walk.stage(StageName::Tcp, tcp::LIMIT, too_slow, tcp::connect(addresses, &subject)).await
}

fn all_public(addresses: &[SocketAddr]) -> bool {
    addresses.iter().all(|address| is_public(address.ip()))
}

/// DNS and TCP, and TLS for https: everything before the first byte of HTTP.
async fn reach(walk: &mut Walk, url: &Url) -> Option<()> {
    let host = url.host_str()?.trim_matches(['[', ']']);
    let addresses = resolve(walk, host, url.port_or_known_default()?).await?;
    let stream = connect(walk, &addresses).await?;
    if url.scheme() == "https" {
        let probe = tls::handshake(stream, host, public_verifier());
        walk.stage(StageName::Tls, TLS_LIMIT, &SILENT, probe).await?;
    }
    Some(())
}
