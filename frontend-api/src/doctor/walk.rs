//! Walking to a dependency stage by stage, each within its own limit and all within the run's.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::causes::Cause;
use super::report::{CheckReport, Diagnosis, Facts, Outcome, Stage, milliseconds};
use super::stage::StageName;
use super::subject::Subject;

/// A stage that failed: why, and what was seen.
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
    /// It works, and deserves a look: the walk goes on.
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
        Self { check, plan: plan.to_vec(), began: Instant::now(), deadline }
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

    /// Goes one stage further. `None` when it failed; `too_slow` is why when it does not end within `limit`.
    pub(super) async fn stage<T>(
        &mut self,
        name: StageName,
        limit: Duration,
        too_slow: &'static Cause,
        probe: impl Future<Output = Result<Found<T>, Fault>>,
    ) -> Option<T> {
        let limit = limit.min(self.deadline.saturating_duration_since(Instant::now()));
        let began = Instant::now();
        let result = timeout(limit, probe)
            .await
            .unwrap_or_else(|_| Err(Fault::new(too_slow, format!("no result within {} ms", limit.as_millis()))));
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

    /// The check as far as it came.
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
        self.check.prove = self.check.proof();
        self.check.milliseconds = milliseconds(self.began.elapsed());
        self.check
    }
}
