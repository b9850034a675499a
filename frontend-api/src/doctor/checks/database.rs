//! Configuration → secret → DNS → TCP → TLS → authentication → query → writable → ready.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};

use super::{TLS_LIMIT, all_public, connect, resolve, secrets_manager};
use crate::database::{Credentials, CredentialsProvider, Database, DatabaseConfig, SslMode, driver_config};
use crate::doctor::Check;
use crate::doctor::causes::{
    DATABASE_PUBLIC_ADDRESS, MIGRATION_FAILED, NOT_READY, PASSWORD_REFUSED, SECRET_OUTDATED, SECRET_UNREADABLE, SILENT,
    SLOW_QUERY,
};
use crate::doctor::probe::postgres::{self, LIMIT, Session};
use crate::doctor::probe::{dns, statements, tcp};
use crate::doctor::report::{CheckReport, Diagnosis};
use crate::doctor::stage::StageName;
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found, Walk};
use crate::visits::TableName;

/// Two attempts of the service to reach the database.
const SETTLE_LIMIT: Duration = Duration::from_millis(1200);
const SECRET_LIMIT: Duration = Duration::from_secs(6);

pub(super) struct DatabaseCheck {
    pub(super) config: Arc<DatabaseConfig>,
    pub(super) table: TableName,
    pub(super) provider: Arc<CredentialsProvider>,
    /// The service's own pool; the command has none.
    pub(super) service: Option<Database>,
}

impl Check for DatabaseCheck {
    fn subject(&self) -> &Subject {
        &Subject::Database
    }

    fn run(&self, deadline: Instant) -> BoxFuture<'_, CheckReport> {
        self.check(deadline).boxed()
    }
}

impl DatabaseCheck {
    async fn check(&self, deadline: Instant) -> CheckReport {
        let (check, used) = self.walk(deadline).await;
        let provider = &self.provider;
        let Some(used) = used.filter(|_| check.failed_by(&PASSWORD_REFUSED) && provider.secret_id().is_some()) else {
            return check;
        };
        // Refused: the secret may have been rotated since it was read. The service itself would read it again now.
        let newer = timeout_at(deadline.into(), provider.newer_than(&used)).await;
        let is_newer = newer.is_ok_and(|read| read.is_ok_and(|newer| newer.is_some()));
        blame_secret(if is_newer { self.walk(deadline).await.0 } else { check })
    }

    /// Returns the check, and the credentials that it used.
    async fn walk(&self, deadline: Instant) -> (CheckReport, Option<Arc<Credentials>>) {
        let mut plan = vec![StageName::Configuration];
        plan.extend(self.provider.secret_id().map(|_| StageName::Secret));
        plan.extend([StageName::Dns, StageName::Tcp]);
        plan.extend((self.config.tls.mode != SslMode::Disable).then_some(StageName::Tls));
        plan.extend([StageName::Authentication, StageName::Query, StageName::Writable]);
        plan.extend(self.service.as_ref().map(|_| StageName::Ready));
        let mut walk = Walk::new(Subject::Database, &plan, deadline);
        let credentials = credentials(&mut walk, &self.config, &self.provider).await;
        if let Some(credentials) = &credentials {
            self.stages(&mut walk, credentials).await;
        }
        (walk.finish(), credentials)
    }

    async fn stages(&self, walk: &mut Walk, credentials: &Credentials) -> Option<()> {
        stages(walk, &self.config, &self.table, credentials).await?;
        let service = self.service.as_ref()?;
        walk.stage(StageName::Ready, LIMIT, &NOT_READY, ready(service)).await
    }
}

/// The password came from the secret, so that is where to look.
fn blame_secret(mut check: CheckReport) -> CheckReport {
    for stage in &mut check.stages {
        if stage.diagnosis.is(&PASSWORD_REFUSED) {
            stage.diagnosis = Diagnosis::from(&SECRET_OUTDATED);
        }
    }
    check
}

async fn credentials(
    walk: &mut Walk,
    config: &DatabaseConfig,
    provider: &CredentialsProvider,
) -> Option<Arc<Credentials>> {
    let source = if provider.secret_id().is_some() { "DBSECRETSNAME" } else { "the environment" };
    let summary = format!("credentials from {source}, DB_SSLMODE {}", config.tls.mode);
    walk.stage(StageName::Configuration, LIMIT, &SILENT, async { Ok(Found::new((), summary)) }).await?;

    let credentials = match provider.secret_id() {
        Some(_) => walk.stage(StageName::Secret, SECRET_LIMIT, &SECRET_UNREADABLE, read_secret(provider)).await?,
        None => provider.current().await.ok()?,
    };
    walk.target(format!("{}:{}", credentials.host, credentials.port));
    Some(credentials)
}

async fn stages(walk: &mut Walk, config: &DatabaseConfig, table: &TableName, credentials: &Credentials) -> Option<()> {
    let stream = reach(walk, credentials).await?;
    let address = stream.peer_addr().ok();
    let stream: Box<dyn postgres::Stream> = if config.tls.mode == SslMode::Disable {
        Box::new(stream)
    } else {
        let verifier = config.tls.verifier.clone();
        let probe = postgres::encrypt(stream, &credentials.host, config.tls.mode, verifier);
        walk.stage(StageName::Tls, TLS_LIMIT, &SILENT, probe).await?
    };
    let log_in = postgres::log_in(stream, address, driver_config(config, credentials));
    let session = walk.stage(StageName::Authentication, LIMIT, &SILENT, log_in).await?;
    let served = ask(walk, &session, table).await;
    session.close().await;
    served
}

async fn ask(walk: &mut Walk, session: &Session, table: &TableName) -> Option<()> {
    walk.stage(StageName::Query, LIMIT, &SLOW_QUERY, statements::query(session, table)).await?;
    walk.stage(StageName::Writable, LIMIT, &SLOW_QUERY, statements::writable(session, table)).await
}

/// What the service says of the database that every stage before has just used.
async fn ready(service: &Database) -> Result<Found<()>, Fault> {
    // It tries again every half second, so it may not know yet what was repaired a moment ago.
    if timeout(SETTLE_LIMIT, service.availability().until(true)).await.is_ok() {
        return Ok(Found::new((), "the service uses the database"));
    }
    match service.availability().loss() {
        Some(loss) => {
            let cause = if loss.by_migration { &MIGRATION_FAILED } else { &NOT_READY };
            Err(Fault::new(cause, &*loss.cause))
        }
        None => Ok(Found::new((), "the service is making its first connection")),
    }
}

async fn read_secret(provider: &CredentialsProvider) -> Result<Found<Arc<Credentials>>, Fault> {
    match provider.current().await {
        Ok(credentials) => {
            let seen = format!("user {} of database {}", credentials.user, credentials.name);
            Ok(Found::new(credentials, seen))
        }
        Err(error) => Err(secrets_manager::fault(&error)),
    }
}

/// DNS and TCP. When public addresses are all there is and none answers, it is the name that is wrong here: a database
/// of this VPC would have a private one.
async fn reach(walk: &mut Walk, credentials: &Credentials) -> Option<TcpStream> {
    let (host, port) = (credentials.host.as_str(), credentials.port);
    let literal = host.parse::<std::net::IpAddr>().is_ok();
    if literal {
        let addresses = resolve(walk, host, port).await?;
        return connect(walk, &addresses).await;
    }
    walk.facts().asked_resolver = true;
    let mut early = None;
    let probe = async {
        let found = dns::resolve(host, port, &Subject::Database).await?;
        if !all_public(found.value()) {
            return Ok(found);
        }
        match tcp::connect(found.value(), &Subject::Database).await {
            Ok(stream) => early = Some(stream),
            Err(fault) => {
                let evidence = format!("{}; {}", found.evidence(), fault.evidence);
                return Err(Fault::new(&DATABASE_PUBLIC_ADDRESS, evidence));
            }
        }
        Ok(found)
    };
    let addresses: Vec<SocketAddr> =
        walk.stage(StageName::Dns, dns::LIMIT + tcp::LIMIT, &DATABASE_PUBLIC_ADDRESS, probe).await?;
    walk.facts().is_public = Some(early.is_some());
    match early {
        Some(stream) => walk.stage(StageName::Tcp, LIMIT, &SILENT, async { Ok(stream) }).await,
        None => connect(walk, &addresses).await,
    }
}
