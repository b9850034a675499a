//! Checks a dependency stage by stage, each within its own limit and all within the run's.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::causes::{Cause, SILENT, STALLED};
use super::probe::kernel::{self, Ends};
use super::report::{CheckReport, Diagnosis, Facts, Outcome, Stage};
use super::stage::StageName;
use super::subject::Subject;
use super::times::milliseconds;

/// A failed stage: its cause and evidence.
pub(super) struct Fault {
    pub(super) cause: &'static Cause,
    pub(super) evidence: String,
}

impl Fault {
    pub(super) fn new(cause: &'static Cause, evidence: impl Into<String>) -> Self {
        Self { cause, evidence: evidence.into() }
    }
}

/// A stage that brought what the next one needs.
pub(super) struct Found<T> {
    value: T,
    evidence: String,
    /// It works, but deserves a look. The check continues.
    warning: Option<&'static Cause>,
}

impl<T> Found<T> {
    pub(super) fn new(value: T, evidence: impl Into<String>) -> Self {
        Self { value, evidence: evidence.into(), warning: None }
    }

    pub(super) fn value(&self) -> &T {
        &self.value
    }

    pub(super) fn evidence(&self) -> &str {
        &self.evidence
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Found<U> {
        Found { value: change(self.value), evidence: self.evidence, warning: self.warning }
    }

    /// Makes a warning of it. What was a warning before stays the one that it was.
    pub(super) fn warned(self, fault: Fault) -> Self {
        let warning = self.warning.or(Some(fault.cause));
        Self { value: self.value, evidence: fault.evidence, warning }
    }

    pub(super) fn warning(value: T, fault: Fault) -> Self {
        Self { value, evidence: fault.evidence, warning: Some(fault.cause) }
    }
}

/// One check in the making.
pub(super) struct Walk {
    check: CheckReport,
    plan: Vec<StageName>,
    began: Instant,
    deadline: Instant,
    /// The connection that stages after TCP use.
    connection: Option<Ends>,
}

impl Walk {
    /// `plan` names the stages in order; those that are not reached are reported as skipped.
    pub(super) fn new(subject: Subject, plan: &[StageName], deadline: Instant) -> Self {
        let check = CheckReport {
            subject,
            target: None,
            outcome: Outcome::Ok,
            milliseconds: 0.0,
            stages: Vec::with_capacity(plan.len()),
            prove: None,
            facts: Facts::default(),
        };
        Self { check, plan: plan.to_vec(), began: Instant::now(), deadline, connection: None }
    }

    pub(super) fn target(&mut self, target: impl Into<String>) {
        self.check.target = Some(target.into());
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.check.subject
    }

    /// What the verdict's rules ask for.
    pub(super) fn facts(&mut self) -> &mut Facts {
        &mut self.check.facts
    }

    /// Runs the next stage. Returns `None` if it failed; `too_slow` is the cause if it does not end within `limit`.
    pub(super) async fn stage<T>(
        &mut self,
        name: StageName,
        limit: Duration,
        too_slow: &'static Cause,
        probe: impl Future<Output = Result<Found<T>, Fault>>,
    ) -> Option<T> {
        let limit = limit.min(self.deadline.saturating_duration_since(Instant::now()));
        let began = Instant::now();
        let received = self.connection.and_then(kernel::look).map(|witness| witness.received());
        // Kept until the kernel was asked: dropping it closes the connection.
        let mut probe = pin!(probe);
        let result =
            timeout(limit, probe.as_mut()).await.unwrap_or_else(|_| Err(self.overdue(name, limit, too_slow, received)));
        let (value, evidence, outcome, cause) = match result {
            Ok(Found { value, evidence, warning: None }) => (Some(value), evidence, Outcome::Ok, None),
            Ok(Found { value, evidence, warning }) => (Some(value), evidence, Outcome::Warning, warning),
            Err(fault) => (None, fault.evidence, Outcome::Failed, Some(fault.cause)),
        };
        self.check.stages.push(Stage {
            name,
            outcome,
            milliseconds: milliseconds(began.elapsed()),
            evidence: Some(evidence).filter(|text| !text.is_empty()),
            diagnosis: cause.map(Diagnosis::from).unwrap_or_default(),
        });
        value
    }

    /// Returns why a stage did not end in time: what the kernel saw, otherwise `too_slow`.
    fn overdue(&self, name: StageName, limit: Duration, too_slow: &'static Cause, received: Option<u64>) -> Fault {
        let evidence = format!("no result within {} ms", limit.as_millis());
        let Some(witness) = self.connection.and_then(kernel::look) else { return Fault::new(too_slow, evidence) };
        let cause = witness.cause(name, received).unwrap_or(too_slow);
        Fault::new(cause, format!("{evidence}; {}", witness.describe()))
    }

    /// From now on stages use this connection.
    pub(super) fn connected(&mut self, connection: Option<Ends>) {
        self.connection = connection;
    }

    /// Returns how much of the run's time is left.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Returns where the connection leads to.
    pub(super) fn remote(&self) -> Option<std::net::SocketAddr> {
        self.connection.map(|ends| ends.remote)
    }

    /// Returns true if the newest stage failed for one of these reasons.
    pub(super) fn failed_by(&self, causes: &[&Cause]) -> bool {
        self.check.stages.last().is_some_and(|stage| {
            stage.outcome == Outcome::Failed && causes.iter().any(|cause| stage.diagnosis.is(cause))
        })
    }

    /// Returns true if the newest stage is this one, and got no answer in time.
    pub(super) fn is_overdue(&self, name: StageName) -> bool {
        self.failed_by(&[&SILENT, &STALLED]) && self.check.stages.last().is_some_and(|stage| stage.name == name)
    }

    /// Gives the newest stage another cause, and adds to its evidence.
    pub(super) fn blame(&mut self, fault: &Fault) {
        let Some(stage) = self.check.stages.last_mut() else { return };
        let before = stage.evidence.take().map(|evidence| evidence + "; ");
        stage.evidence = Some(before.unwrap_or_default() + &fault.evidence);
        stage.diagnosis = Diagnosis::from(fault.cause);
    }

    /// Returns the report of the check, with the stages that were reached.
    pub(super) fn finish(mut self) -> CheckReport {
        for name in self.plan.into_iter().skip(self.check.stages.len()) {
            let diagnosis = Diagnosis::default();
            self.check.stages.push(Stage {
                name,
                outcome: Outcome::Skipped,
                milliseconds: 0.0,
                evidence: None,
                diagnosis,
            });
        }
        let worst =
            [Outcome::Failed, Outcome::Warning].into_iter().find(|&outcome| self.check.first(outcome).is_some());
        self.check.outcome = worst.unwrap_or(Outcome::Ok);
        self.check.milliseconds = milliseconds(self.began.elapsed());
        self.check
    }
}
