//! The connectivity doctor: checks every dependency stage by stage, and reports which hop failed and how to fix it.
//!
//! | where it shows | |
//! |---|---|
//! | `GET /test-connection` | JSON, or a page for browsers ([`handlers`]) |
//! | `frontend-api doctor` | a report in the terminal ([`command`]) |
//! | the log | at start and when readiness changes ([`watch`]) |
//!
//! A [`probe`] tests one hop and names its fault, a check in [`checks`] runs probes one after another, [`mod@causes`] has
//! all faults, and [`verdict`] makes one verdict of many. The doctor opens its own connections, never uses the pool's, and
//! closes each.

mod causes;
mod changes;
mod checks;
pub mod command;
mod config;
pub mod handlers;
mod metrics;
mod output;
mod place;
mod probe;
mod report;
mod stage;
mod subject;
mod terminal;
mod times;
mod verdict;
mod walk;
pub mod watch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::sync::watch as channel;
use tokio::time::sleep_until;

pub use self::causes::all as causes;
use self::changes::History;
pub use self::checks::{DatabaseDependency, Dependencies, ServiceTables, Tables};
use self::config::Deployment;
pub use self::config::DoctorConfig;
pub use self::report::{CheckReport, Diagnosis, Outcome, Report, Service, Stage};
use self::subject::Subject;

/// The whole run stays under 10 s, whatever each stage would be allowed.
const RUN_LIMIT: Duration = Duration::from_secs(9);
/// A report younger than this is served again: callers can't make the doctor dial more often.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// One dependency that the doctor checks.
pub trait Check: Send + Sync {
    /// Returns what it is about.
    fn subject(&self) -> &Subject;

    /// Checks it stage by stage, and ends before `deadline`.
    fn run(&self, deadline: Instant) -> BoxFuture<'_, CheckReport>;
}

/// Runs the checks, at most once in 2 s, and shares each report among all callers.
pub struct Doctor {
    checks: Arc<Checks>,
    /// Where runs happen: not on the thread of a caller, which may leave or be busy.
    runtime: Handle,
    latest: Mutex<Option<Run>>,
    history: Arc<History>,
}

/// The checks, in the order in which one depends on another, and the program that runs them.
struct Checks {
    list: Vec<Box<dyn Check>>,
    service: Service,
    /// How `make explain` knows this service.
    explain_args: Option<String>,
    /// For a whole run, whatever each stage would be allowed.
    limit: Duration,
}

/// One run, in progress or ended. It is a separate task: callers wait for its result and may leave.
#[derive(Clone)]
struct Run {
    began: Instant,
    result: channel::Receiver<Option<Finished>>,
}

#[derive(Clone)]
struct Finished {
    ended: Instant,
    report: Arc<Report>,
}

/// A run ended without a report, by a panic.
#[derive(Debug, thiserror::Error)]
#[error("the doctor's run ended without a report")]
pub struct NoReport;

impl Doctor {
    /// Returns the doctor of the service and of the command. It connects to nothing yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn of_service(config: DoctorConfig, dependencies: Dependencies) -> Result<Self, reqwest::Error> {
        let list = checks::all(config.targets, dependencies)?;
        Ok(Self::new(config.deployment, list, RUN_LIMIT))
    }

    /// Runs happen on the runtime that is current now.
    fn new(deployment: Deployment, list: Vec<Box<dyn Check>>, limit: Duration) -> Self {
        let Deployment { revision, explain_args } = deployment;
        let service = Service { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION"), revision };
        Self {
            checks: Arc::new(Checks { list, service, explain_args, limit }),
            runtime: Handle::current(),
            latest: Mutex::default(),
            history: Arc::default(),
        }
    }

    /// Returns a report that is at most 2 s old.
    ///
    /// # Errors
    /// When the run panicked.
    pub async fn report(&self) -> Result<Arc<Report>, NoReport> {
        Ok(self.current().finished().await?.report)
    }

    /// Returns the report of a run that began after `change`.
    ///
    /// # Errors
    /// When the run panicked.
    pub async fn report_since(&self, change: Instant) -> Result<Arc<Report>, NoReport> {
        loop {
            let run = self.current();
            let began = run.began;
            let Finished { ended, report } = run.finished().await?;
            if began >= change {
                return Ok(report);
            }
            sleep_until((ended + FRESH_FOR).into()).await;
        }
    }

    /// The run in progress, or one that ended less than 2 s ago, or a new one.
    fn current(&self) -> Run {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some(run) if run.is_current() => run.clone(),
            _ => latest.insert(self.start()).clone(),
        }
    }

    fn start(&self) -> Run {
        let (sender, result) = channel::channel(None);
        let (checks, history) = (self.checks.clone(), self.history.clone());
        self.runtime.spawn(async move {
            let report = history.complete(checks.run().await);
            metrics::record(&report);
            sender.send_replace(Some(Finished { ended: Instant::now(), report }));
        });
        Run { began: Instant::now(), result }
    }
}

impl Run {
    fn is_current(&self) -> bool {
        let in_progress = self.result.has_changed().is_ok();
        let ended = self.result.borrow().as_ref().map_or(self.began, |finished| finished.ended);
        in_progress || ended.elapsed() < FRESH_FOR
    }

    async fn finished(mut self) -> Result<Finished, NoReport> {
        let finished = self.result.wait_for(Option::is_some).await.map_err(|_| NoReport)?;
        finished.clone().ok_or(NoReport)
    }
}

impl Checks {
    /// Runs all checks side by side.
    async fn run(&self) -> Report {
        let time = OffsetDateTime::now_utc();
        let deadline = Instant::now() + self.limit;
        let mut checks = join_all(self.list.iter().map(|check| check.run(deadline))).await;
        for check in &mut checks {
            check.prove = check.proof(self.explain_args.as_deref());
        }
        let verdict = verdict::of(&checks);
        let response = verdict::sentence(&verdict, &checks);
        Report { response, time, redacted: false, service: self.service.clone(), verdict, checks, since: None }
    }
}
