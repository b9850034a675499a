//! Walking to a dependency stage by stage, each within its own limit and all within the run's.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::catalogue::Cause;
use super::report::{Check, Diagnosis, Outcome, Stage, StageName, milliseconds};

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
    /// It failed in part: the walk goes on, the check does not pass.
    partly: Option<&'static Cause>,
}

impl<T> Found<T> {
    pub(super) fn new(value: T, evidence: impl Into<String>) -> Self {
        Self { value, evidence: evidence.into(), partly: None }
    }

    pub(super) fn value(&self) -> &T {
        &self.value
    }

    pub(super) fn evidence(&self) -> &str {
        &self.evidence
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Found<U> {
        Found { value: change(self.value), evidence: self.evidence, partly: self.partly }
    }

    pub(super) fn partly(value: T, fault: Fault) -> Self {
        Self { value, evidence: fault.evidence, partly: Some(fault.cause) }
    }
}

/// One check in the making.
pub(super) struct Walk {
    check: Check,
    plan: Vec<StageName>,
    began: Instant,
    deadline: Instant,
}

impl Walk {
    /// `plan` names the stages in order; those that are not reached are reported as skipped.
    pub(super) fn new(name: impl Into<String>, plan: &[StageName], deadline: Instant) -> Self {
        let check = Check {
            name: name.into(),
            target: None,
            outcome: Outcome::Ok,
            milliseconds: 0.0,
            stages: Vec::with_capacity(plan.len()),
            is_public: None,
        };
        Self { check, plan: plan.to_vec(), began: Instant::now(), deadline }
    }

    pub(super) fn target(&mut self, target: impl Into<String>) {
        self.check.target = Some(target.into());
    }

    pub(super) fn is_public(&mut self, is_public: bool) {
        self.check.is_public = Some(is_public);
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
        let (value, evidence, cause) = match result {
            Ok(found) => (Some(found.value), found.evidence, found.partly),
            Err(fault) => (None, fault.evidence, Some(fault.cause)),
        };
        self.check.stages.push(Stage {
            name,
            outcome: if cause.is_some() { Outcome::Failed } else { Outcome::Ok },
            milliseconds: milliseconds(began.elapsed()),
            evidence: Some(evidence).filter(|text| !text.is_empty()),
            diagnosis: cause.map(Diagnosis::from).unwrap_or_default(),
        });
        value
    }

    /// The check as far as it came.
    pub(super) fn finish(mut self) -> Check {
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
        self.check.outcome = if self.check.first_failed().is_some() { Outcome::Failed } else { Outcome::Ok };
        self.check.milliseconds = milliseconds(self.began.elapsed());
        self.check
    }
}
