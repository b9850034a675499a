//! Configuration → secret or token → DNS → TCP → TLS → authentication → query → writable → ready.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::expiry::Expiry;
use super::ready::ready;
use super::requests::{compare, served};
use super::{TLS_LIMIT, Tables, all_public, connect, ends, iam, identify, resolve, secrets_manager, values};
use crate::database::{Credentials, CredentialsProvider, Database, DatabaseConfig, SslMode, driver_config};
use crate::doctor::Check;
use crate::doctor::causes::{
    AWS_SLOW, DATABASE_PUBLIC_ADDRESS, NOT_READY, PASSWORD_REFUSED, PUBLIC_REFUSED, REQUESTS_FAIL, SECRET_OUTDATED,
    SILENT, SLOW_QUERY,
};
use crate::doctor::probe::postgres::{self, STAGE_LIMIT, Session};
use crate::doctor::probe::protocol::Protocol;
use crate::doctor::probe::{dns, reads, statements, tcp};
use crate::doctor::report::CheckReport;
use crate::doctor::stage::StageName;
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found, Walk};
use crate::visits::Requests;

const SECRET_LIMIT: Duration = Duration::from_secs(6);

pub(super) struct DatabaseCheck {
    pub(super) config: Arc<DatabaseConfig>,
    pub(super) tables: Tables,
    pub(super) provider: Arc<CredentialsProvider>,
    /// The service's own pool and its newest requests; the command has none.
    pub(super) service: Option<(Database, Arc<Requests>)>,
    pub(super) expiry: Expiry,
    pub(super) client: reqwest::Client,
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
        let (mut check, used) = self.walk(deadline).await;
        iam::suspect_clock(&mut check, &self.provider, &self.client, deadline).await;
        let Some(used) = used.filter(|_| check.failed_by(&PASSWORD_REFUSED)) else { return check };
        let (mut check, used) = self.retried(check, used, deadline).await;
        self.expiry.explain(&mut check, &used.user);
        if self.provider.secret_id().is_some() {
            // The password came from there, so that is where to look.
            check.blame(&PASSWORD_REFUSED, &SECRET_OUTDATED, None);
        }
        check
    }

    /// The secret may have been rotated since it was read. The service would read it again now.
    async fn retried(
        &self,
        check: CheckReport,
        used: Arc<Credentials>,
        deadline: Instant,
    ) -> (CheckReport, Arc<Credentials>) {
        let newer = timeout_at(deadline.into(), self.provider.newer_than(&used)).await;
        let Ok(Ok(Some(newer))) = newer else { return (check, used) };
        (self.walk(deadline).await.0, newer)
    }

    /// Returns the check, and the credentials that it used.
    async fn walk(&self, deadline: Instant) -> (CheckReport, Option<Arc<Credentials>>) {
        let mut plan = vec![StageName::Configuration];
        plan.extend(self.provider.secret_id().map(|_| StageName::Secret));
        plan.extend(self.provider.signer().map(|_| StageName::Credentials));
        plan.extend([StageName::Dns, StageName::Tcp]);
        plan.extend((self.config.tls.mode != SslMode::Disable).then_some(StageName::Tls));
        plan.extend([StageName::Authentication, StageName::Query, StageName::Writable]);
        plan.extend(self.service.iter().flat_map(|_| [StageName::Ready, StageName::Requests]));
        let mut walk = Walk::new(Subject::Database, &plan, deadline);
        let credentials = credentials(&mut walk, &self.config, &self.provider).await;
        if let Some(credentials) = &credentials {
            self.stages(&mut walk, credentials).await;
        }
        let mut check = walk.finish();
        if let Some((_, requests)) = &self.service {
            compare(&mut check, requests);
        }
        (check, credentials)
    }

    async fn stages(&self, walk: &mut Walk, credentials: &Credentials) -> Option<()> {
        let expiry = stages(walk, &self.config, &self.tables, credentials).await?;
        self.expiry.note(&credentials.user, expiry);
        let (service, requests) = self.service.as_ref()?;
        walk.stage(StageName::Ready, STAGE_LIMIT, &NOT_READY, ready(service)).await?;
        walk.stage(StageName::Requests, STAGE_LIMIT, &REQUESTS_FAIL, async { served(service, requests) }).await
    }
}

async fn credentials(
    walk: &mut Walk,
    config: &DatabaseConfig,
    provider: &CredentialsProvider,
) -> Option<Arc<Credentials>> {
    let source = match provider.signer() {
        Some((_, region)) => format!("a token of IAM for {region}"),
        None if provider.secret_id().is_some() => "credentials from DBSECRETSNAME".to_owned(),
        None => "credentials from the environment".to_owned(),
    };
    let summary = format!("{source}, DB_SSLMODE {}", config.tls.mode);
    let probe = async {
        let found = Found::new((), summary);
        match provider.fixed() {
            Some(given) => values::judge(given, found),
            None => Ok(found),
        }
    };
    walk.stage(StageName::Configuration, STAGE_LIMIT, &SILENT, probe).await?;
    let credentials = match (provider.secret_id(), provider.fixed()) {
        _ if provider.signer().is_some() => iam::token(walk, provider).await?,
        (None, Some(given)) => Arc::new(given.clone()),
        _ => walk.stage(StageName::Secret, SECRET_LIMIT, &AWS_SLOW, read_secret(provider)).await?,
    };
    walk.target(format!("{}:{}", credentials.host, credentials.port));
    Some(credentials)
}

/// Returns when the user's password expires, if it does.
async fn stages(
    walk: &mut Walk,
    config: &DatabaseConfig,
    tables: &Tables,
    credentials: &Credentials,
) -> Option<Option<OffsetDateTime>> {
    let stream = reach(walk, credentials).await?;
    let Some(session) = log_in(walk, config, credentials, stream).await else {
        identify(walk, &[Protocol::Postgres]).await;
        return None;
    };
    let served = ask(walk, &session, tables).await;
    session.close().await;
    served
}

/// TLS and authentication.
async fn log_in(
    walk: &mut Walk,
    config: &DatabaseConfig,
    credentials: &Credentials,
    stream: TcpStream,
) -> Option<Session> {
    let address = stream.peer_addr().ok();
    let stream: Box<dyn postgres::Stream> = if config.tls.mode == SslMode::Disable {
        Box::new(stream)
    } else {
        let verifier = config.tls.verifier.clone();
        let probe = postgres::encrypt(stream, &credentials.host, config.tls.mode, verifier);
        walk.stage(StageName::Tls, TLS_LIMIT, &SILENT, probe).await?
    };
    let log_in =
        postgres::log_in(stream, address, driver_config(config, credentials), (config.engine, credentials.token_until));
    walk.stage(StageName::Authentication, STAGE_LIMIT, &SILENT, log_in).await
}

async fn ask(walk: &mut Walk, session: &Session, tables: &Tables) -> Option<Option<OffsetDateTime>> {
    let table = match tables {
        Tables::Made(tables) => {
            let probe = reads::query(session, &tables.visits, &tables.used);
            walk.stage(StageName::Query, STAGE_LIMIT, &SLOW_QUERY, probe).await?;
            Some(&tables.visits)
        }
        Tables::OrToBeMade(tables) => {
            let probe = reads::query_or_creatable(session, &tables.visits, &tables.used);
            walk.stage(StageName::Query, STAGE_LIMIT, &SLOW_QUERY, probe).await?.then_some(&tables.visits)
        }
        Tables::ToBeMade => {
            walk.stage(StageName::Query, STAGE_LIMIT, &SLOW_QUERY, statements::creatable(session)).await?;
            None
        }
        Tables::Foreign => {
            walk.stage(StageName::Query, STAGE_LIMIT, &SLOW_QUERY, statements::answers(session)).await?;
            None
        }
    };
    walk.stage(StageName::Writable, STAGE_LIMIT, &SLOW_QUERY, statements::writable(session, table)).await
}

async fn read_secret(provider: &CredentialsProvider) -> Result<Found<Arc<Credentials>>, Fault> {
    match provider.current().await {
        Ok(credentials) => {
            let judged = values::judge(&credentials, Found::new((), credentials.summary()))?;
            Ok(judged.map(|()| credentials))
        }
        Err(error) => Err(secrets_manager::fault(&error, provider.secrets_manager()).await),
    }
}

/// DNS and TCP. If all addresses are public and none answers, the fault is the name: a database of this VPC would have a
/// private address.
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
            Ok(stream) => early = Some(Ok(stream)),
            // The host was reached, so the address is not the mistake.
            Err(fault) if *fault.cause == PUBLIC_REFUSED => early = Some(Err(fault)),
            Err(fault) => {
                let evidence = format!("{}; {}", found.evidence(), fault.evidence);
                return Err(Fault::new(&DATABASE_PUBLIC_ADDRESS, evidence));
            }
        }
        Ok(found)
    };
    let addresses: Vec<SocketAddr> =
        walk.stage(StageName::Dns, dns::STAGE_LIMIT + tcp::STAGE_LIMIT, &DATABASE_PUBLIC_ADDRESS, probe).await?;
    walk.facts().is_public = Some(early.is_some());
    match early {
        Some(dialled) => {
            let stream = walk.stage(StageName::Tcp, STAGE_LIMIT, &SILENT, async { dialled }).await?;
            walk.connected(ends(&stream));
            Some(stream)
        }
        None => connect(walk, &addresses).await,
    }
}
