//! The checks: the stages that lead to each dependency.

mod aws;
mod configuration;
mod database;
mod expiry;
mod iam;
mod private_service;
mod ready;
mod requests;
mod s3;
mod secrets_manager;
mod target;
mod values;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use causeway_common::http::access::is_public;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use self::configuration::ConfigurationCheck;
use self::database::DatabaseCheck;
use self::expiry::Expiry;
use self::private_service::PrivateServiceCheck;
use self::s3::S3Check;
use self::secrets_manager::SecretsManagerCheck;
use self::target::TargetCheck;
use super::Check;
use super::causes::{
    CLOSED, Cause, HTTP_BROKEN, HTTP_SLOW, LOGIN_FAILED, MTU_HOLE, NOT_POSTGRES, RESOLVER_SILENT, SILENT, STALLED,
    TLS_FAILED,
};
use super::config::Target;
use super::probe::kernel::Ends;
use super::probe::postgres::SSL_REQUEST;
use super::probe::protocol::{self, Protocol};
use super::probe::{dns, http, tcp, timed_out, tls};
use super::stage::StageName;
use super::subject::Subject;
use super::walk::{Fault, Walk};
use crate::aws::s3::S3;
use crate::database::{CredentialsProvider, Database, DatabaseConfig, Migrations};
use crate::tls::public_verifier;
use crate::visits::{Requests, TableName};

/// What the service depends on.
#[derive(Default)]
pub struct Dependencies {
    /// What is wrong with the configuration. Whatever else is known of it is checked all the same.
    pub mistakes: Option<String>,
    pub database: Option<DatabaseDependency>,
    /// Where pictures are stored.
    pub s3: Option<Arc<S3>>,
    /// Only read from it: it is somebody else's.
    pub reads_bucket_only: bool,
    pub private_service: Option<Url>,
}

/// One PostgreSQL database.
pub struct DatabaseDependency {
    pub config: Arc<DatabaseConfig>,
    pub credentials: Arc<CredentialsProvider>,
    pub tables: Tables,
    /// The running service's pool: what it says of the database is checked as well.
    pub service: Option<(Database, Arc<Requests>)>,
}

/// What is expected of the database's tables.
pub enum Tables {
    /// Those of the service; if the table of visits is not there, the user may make it.
    OrToBeMade(ServiceTables),
    /// Those of the service, which the running service has made.
    Made(ServiceTables),
    /// None yet: the user must be able to make them.
    ToBeMade,
    /// Nothing: the database is somebody else's.
    Foreign,
}

/// The tables of the service.
pub struct ServiceTables {
    pub(super) visits: TableName,
    /// Those that requests use, the table of visits among them.
    pub(super) used: Vec<String>,
}

impl ServiceTables {
    /// Returns those that these features use.
    pub fn new(visits: TableName, features: &[Migrations]) -> Self {
        Self { visits, used: features.iter().flat_map(Migrations::used).cloned().collect() }
    }
}

/// Returns every check, in the order in which one depends on another.
///
/// # Errors
/// When no HTTP client can be made.
pub(super) fn all(targets: Vec<Target>, dependencies: Dependencies) -> Result<Vec<Box<dyn Check>>, reqwest::Error> {
    let client = http::client()?;
    let mut checks: Vec<Box<dyn Check>> = Vec::new();
    if let Some(mistakes) = dependencies.mistakes {
        checks.push(Box::new(ConfigurationCheck { mistakes }));
    }
    if let Some(DatabaseDependency { config, credentials, tables, service }) = dependencies.database {
        if let Some(id) = credentials.secret_id().map(str::to_owned) {
            checks.push(Box::new(SecretsManagerCheck { id, provider: credentials.clone() }));
        }
        checks.push(Box::new(DatabaseCheck {
            config,
            tables,
            provider: credentials,
            service,
            expiry: Expiry::default(),
            client: client.clone(),
        }));
    }
    if let Some(s3) = dependencies.s3 {
        checks.push(Box::new(S3Check { s3, reads_only: dependencies.reads_bucket_only }));
    }
    if let Some(url) = dependencies.private_service {
        checks.push(Box::new(PrivateServiceCheck { url, client: client.clone() }));
    }
    checks.extend(targets.into_iter().map(|target| of_target(target, &client)));
    Ok(checks)
}

fn of_target(target: Target, client: &reqwest::Client) -> Box<dyn Check> {
    Box::new(TargetCheck { target, client: client.clone() })
}

const TLS_LIMIT: Duration = Duration::from_secs(2);

async fn resolve(walk: &mut Walk, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
    walk.facts().asked_resolver = host.parse::<IpAddr>().is_err();
    let subject = walk.subject().clone();
    let probe = dns::resolve(host, port, &subject);
    let addresses = walk.stage(StageName::Dns, dns::STAGE_LIMIT, &RESOLVER_SILENT, probe).await?;
    walk.facts().is_public = Some(all_public(&addresses));
    Some(addresses)
}

async fn connect(walk: &mut Walk, addresses: &[SocketAddr]) -> Option<TcpStream> {
    let subject = walk.subject().clone();
    let too_slow = timed_out(&subject, all_public(addresses));
    let stream = walk.stage(StageName::Tcp, tcp::STAGE_LIMIT, too_slow, tcp::connect(addresses, &subject)).await?;
    walk.connected(ends(&stream));
    Some(stream)
}

fn ends(stream: &TcpStream) -> Option<Ends> {
    Some(Ends { local: stream.local_addr().ok()?, remote: stream.peer_addr().ok()? })
}

/// What a server may show that speaks another protocol.
const UNCLEAR: [&Cause; 8] =
    [&SILENT, &STALLED, &CLOSED, &NOT_POSTGRES, &TLS_FAILED, &LOGIN_FAILED, &HTTP_BROKEN, &HTTP_SLOW];

/// If the newest stage failed as if another kind of server listened there, finds out which one, and makes it the cause.
async fn identify(walk: &mut Walk, expected: &[Protocol]) {
    // Without an answer the stage keeps its own cause.
    if let Ok(Some(fault)) = timeout(walk.left(), look_again(walk, expected)).await {
        walk.blame(&fault);
    }
}

async fn look_again(walk: &Walk, expected: &[Protocol]) -> Option<Fault> {
    let address = walk.remote()?;
    let begin: &[u8] = if *walk.subject() == Subject::Database { &SSL_REQUEST } else { &[] };
    if walk.is_overdue(StageName::Tls) && protocol::passes_in_short_packets(address, begin).await {
        return Some(Fault::new(&MTU_HOLE, "the handshake succeeds in short packets"));
    }
    if !walk.failed_by(&UNCLEAR) {
        return None;
    }
    let spoken = protocol::identify(address).await.filter(|spoken| !expected.contains(spoken))?;
    Some(Fault::new(spoken.cause(), "asked again with other protocols"))
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
        let subject = walk.subject().clone();
        let probe = tls::handshake(stream, host, public_verifier(), &subject);
        if walk.stage(StageName::Tls, TLS_LIMIT, &SILENT, probe).await.is_none() {
            identify(walk, &[Protocol::Tls]).await;
            return None;
        }
    }
    Some(())
}

/// Names the kind of server behind a URL that did not answer.
async fn identify_http(walk: &mut Walk, url: &Url) {
    let expected = if url.scheme() == "https" { [Protocol::Tls, Protocol::Http] } else { [Protocol::Http; 2] };
    identify(walk, &expected).await;
}
