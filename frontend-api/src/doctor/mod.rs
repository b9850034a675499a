//! The connectivity doctor: walks to every dependency stage by stage and tells which hop failed and how to mend it.
//!
//! | where it shows | |
//! |---|---|
//! | `GET /test-connection` | JSON, or a page for browsers ([`handlers`]) |
//! | `frontend-api doctor` | a report in the terminal ([`terminal`]) |
//! | the log | at start and when readiness changes ([`watch`]) |
//!
//! A [`probe`] looks at one hop and names the fault, a check in [`checks`] strings probes together, [`catalogue`] has
//! all faults, [`verdict`] makes one out of many. It uses connections of its own, never the pool's, and closes each.

mod catalogue;
mod checks;
mod config;
pub mod handlers;
mod page;
mod probe;
mod report;
pub mod terminal;
mod verdict;
mod walk;
pub mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt, join_all};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::sleep_until;
use url::Url;

pub use self::config::DoctorConfig;
use self::report::Check;
pub use self::report::Report;
use crate::database::{CredentialsProvider, DatabaseConfig};

const DATABASE: &str = "database";
const PRIVATE_SERVICE: &str = "private service";
const SECRETS_MANAGER: &str = "secrets manager";
const TARGET: &str = "target";

/// The whole run stays under 10 s, whatever each stage would be allowed.
const RUN_LIMIT: Duration = Duration::from_secs(9);
/// A report younger than this is served again: callers can't make the doctor dial more often.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// Whether a check's name tells nothing of what was configured.
fn is_built_in(name: &str) -> bool {
    [DATABASE, PRIVATE_SERVICE, SECRETS_MANAGER, TARGET].contains(&name)
}

/// Knows the ways; its configuration says which.
pub struct Doctor {
    config: DoctorConfig,
    database: Arc<DatabaseConfig>,
    credentials: Arc<CredentialsProvider>,
    private_service: Option<Url>,
    http: reqwest::Client,
    /// Held during a run, so that concurrent callers share it.
    latest: Mutex<Option<Run>>,
}

struct Run {
    began: Instant,
    ended: Instant,
    report: Arc<Report>,
}

impl Doctor {
    /// Dials nothing yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(
        config: DoctorConfig,
        database: Arc<DatabaseConfig>,
        credentials: Arc<CredentialsProvider>,
        private_service: Option<Url>,
    ) -> Result<Self, reqwest::Error> {
        let http = probe::http::client()?;
        Ok(Self { config, database, credentials, private_service, http, latest: Mutex::default() })
    }

    /// A report that is at most 2 s old.
    pub async fn report(&self) -> Arc<Report> {
        self.latest().await.0
    }

    /// A report of what is the case since `change`: of a run that began later.
    pub async fn report_since(&self, change: Instant) -> Arc<Report> {
        loop {
            match self.latest().await {
                (report, began, _) if began >= change => return report,
                (_, _, ended) => sleep_until((ended + FRESH_FOR).into()).await,
            }
        }
    }

    /// The latest report, and when its run began and ended.
    async fn latest(&self) -> (Arc<Report>, Instant, Instant) {
        let mut latest = self.latest.lock().await;
        if let Some(Run { began, ended, report }) = &*latest
            && ended.elapsed() < FRESH_FOR
        {
            return (report.clone(), *began, *ended);
        }
        let began = Instant::now();
        let report = Arc::new(self.run().await);
        let ended = Instant::now();
        *latest = Some(Run { began, ended, report: report.clone() });
        (report, began, ended)
    }

    /// Walks all ways side by side.
    async fn run(&self) -> Report {
        let time = OffsetDateTime::now_utc();
        let checks = join_all(self.checks(Instant::now() + RUN_LIMIT)).await;
        let verdict = verdict::of(&checks);
        let response = verdict::sentence(&verdict, &checks);
        Report { response, time, redacted: false, verdict, checks }
    }

    /// In the order of blame: what others depend on comes first.
    fn checks(&self, deadline: Instant) -> Vec<BoxFuture<'_, Check>> {
        let mut checks = Vec::new();
        if let Some((id, service)) = self.credentials.secret() {
            checks.push(checks::secrets_manager::check(id, service, &self.credentials, deadline).boxed());
        }
        checks.push(checks::database::check(&self.database, &self.credentials, deadline).boxed());
        if let Some(url) = &self.private_service {
            checks.push(checks::private_service::check(url, &self.http, deadline).boxed());
        }
        let named = self.config.target.iter().map(|target| (TARGET.to_owned(), target));
        let listed = self.config.targets.iter().map(|target| (target.to_string(), target));
        for (name, target) in named.chain(listed) {
            checks.push(checks::target::check(name, target, &self.http, deadline).boxed());
        }
        checks
    }
}
