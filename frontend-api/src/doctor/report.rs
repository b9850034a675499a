//! What the doctor found: checks, each a walk of stages, and one verdict.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::causes::Cause;
use super::stage::StageName;
use super::subject::Subject;
use super::times::{optional_rfc3339, rfc3339};

/// The outcome of a stage or a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Ok,
    /// It works, but deserves a look. A warning never makes a report fail.
    Warning,
    Failed,
    /// An earlier stage failed.
    Skipped,
}

/// One hop.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Stage {
    pub name: StageName,
    pub outcome: Outcome,
    pub milliseconds: f64,
    /// What the doctor saw: addresses, certificates, codes. Null if it saw nothing, if the stage was skipped, or if this
    /// caller may not see it.
    pub evidence: Option<String>,
    #[serde(flatten)]
    #[schema(inline)]
    pub diagnosis: Diagnosis,
}

/// The fault and what fixes it. All are null if there is no fault, or if this caller may not see it.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct Diagnosis {
    /// Stable, see docs/connectivity.md.
    pub code: Option<&'static str>,
    pub cause: Option<&'static str>,
    pub remedy: Option<&'static str>,
    /// Where this service explains the code.
    #[schema(example = "/test-connection/faults/refused")]
    pub link: Option<String>,
}

/// The check of one dependency.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CheckReport {
    #[serde(rename = "name")]
    #[schema(value_type = String, example = "database")]
    pub subject: Subject,
    /// Host and port, or URL. Null if it is unknown because its secret was not read, or if this caller may not see it.
    pub target: Option<String>,
    pub outcome: Outcome,
    pub milliseconds: f64,
    pub stages: Vec<Stage>,
    /// The command that proves from outside what blocks a network hop. Null if no network hop failed, or if this caller
    /// may not see it.
    #[schema(example = "make explain ARGS=\"--from sg-0a,subnet-0b --region eu-west-1 --to db.example:5432\"")]
    pub prove: Option<String>,
    #[serde(skip)]
    pub(super) facts: Facts,
}

/// What the check saw of the network. The verdict's rules decide by these facts and by causes, never by evidence, which is
/// text for people.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    /// A resolver was asked for the addresses: they were not given.
    pub(super) asked_resolver: bool,
    /// All addresses are public, or one is not; `None` if there is none.
    pub(super) is_public: Option<bool>,
}

/// The first blocking fault; if there is none, the first warning.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Verdict {
    pub outcome: Outcome,
    /// The check that failed. Null if none failed, if several failed for one reason, or if this caller may not see it.
    #[schema(value_type = Option<String>)]
    pub check: Option<Subject>,
    /// The stage that failed. Null if none failed.
    pub stage: Option<StageName>,
    #[serde(flatten)]
    #[schema(inline)]
    pub diagnosis: Diagnosis,
}

/// All checks of one run.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Report {
    /// The verdict in one sentence.
    pub response: String,
    /// When the run began, UTC.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, example = "2026-11-21T09:12:20Z")]
    pub time: OffsetDateTime,
    /// Names, addresses and causes were left out: the caller did not send the `ADMIN_TOKEN`, or there is none and the
    /// caller is not on this machine.
    pub redacted: bool,
    /// The service that answers.
    pub service: Service,
    pub verdict: Verdict,
    pub checks: Vec<CheckReport>,
    /// Before when reports fail, and what has changed. Null if this one does not fail.
    pub since: Option<Before>,
}

/// What came before a report that fails.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Before {
    /// The time of the first report that failed without a good one after it, UTC.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, example = "2026-11-21T09:12:20Z")]
    pub failing_since: OffsetDateTime,
    /// The time of the last report that did not fail, UTC. Null if there was none since the program started.
    #[serde(serialize_with = "optional_rfc3339")]
    #[schema(value_type = Option<String>, example = "2026-11-21T09:10:00Z")]
    pub last_good: Option<OffsetDateTime>,
    /// What differs from that report: outcomes, addresses, certificates, versions, times. Empty if it is not for this
    /// caller.
    pub changes: Vec<String>,
}

/// The program that made a report.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    #[schema(example = "frontend-api")]
    pub name: &'static str,
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// `REVISION`, the deployed revision. Null if it is not set.
    pub revision: Option<String>,
}

impl From<&'static Cause> for Diagnosis {
    fn from(cause: &'static Cause) -> Self {
        Self { code: Some(cause.code), cause: Some(cause.text), remedy: Some(cause.remedy), link: Some(cause.link()) }
    }
}

impl Diagnosis {
    /// Returns true if this is `cause`.
    pub(super) fn is(&self, cause: &Cause) -> bool {
        self.code == Some(cause.code)
    }
}

impl CheckReport {
    /// Returns the first stage with this outcome.
    pub fn first(&self, outcome: Outcome) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.outcome == outcome)
    }

    /// Returns the stage that failed first.
    pub fn first_failed(&self) -> Option<&Stage> {
        self.first(Outcome::Failed)
    }

    /// Returns true if its first fault is `cause`.
    pub fn failed_by(&self, cause: &Cause) -> bool {
        self.first_failed().is_some_and(|stage| stage.diagnosis.is(cause))
    }

    /// Gives a stage that has the cause `found` the cause `better`, and adds to its evidence.
    pub(super) fn blame(&mut self, found: &Cause, better: &'static Cause, seen: Option<&str>) {
        for stage in self.stages.iter_mut().filter(|stage| stage.diagnosis.is(found)) {
            stage.diagnosis = Diagnosis::from(better);
            let evidence = stage.evidence.take();
            let parts = evidence.as_deref().into_iter().chain(seen).collect::<Vec<_>>();
            stage.evidence = (!parts.is_empty()).then(|| parts.join("; "));
        }
    }

    /// Returns the command that proves what blocks the failed hop, if that is one of the network. `source` holds the
    /// arguments that name this service.
    pub(super) fn proof(&self, source: Option<&str>) -> Option<String> {
        let stage = self.first_failed()?;
        let to = provable(self.target.as_ref()?)?;
        let source = source.map(|source| format!("{source} ")).unwrap_or_default();
        let network = [StageName::Dns, StageName::Tcp].contains(&stage.name);
        network.then(|| format!("make explain ARGS=\"{source}--to {to}\""))
    }

    /// Returns true if the stage was tried.
    pub(super) fn reached(&self, name: StageName) -> bool {
        self.stages.iter().any(|stage| stage.name == name && stage.outcome != Outcome::Skipped)
    }
}

impl Report {
    /// Returns true if no check failed. Warnings do not count.
    pub fn is_ok(&self) -> bool {
        self.verdict.outcome != Outcome::Failed
    }

    /// Returns the report for a caller who may only see outcomes: no address, no name, no cause. `advice` says how to see
    /// the rest.
    pub fn redacted(&self, advice: &str) -> Self {
        let mut report = self.clone();
        report.redacted = true;
        let mut others = 0;
        for check in &mut report.checks {
            check.target = None;
            check.prove = None;
            if check.subject.reveals() {
                others += 1;
                check.subject = Subject::Target(format!("other {others}"));
            }
            for stage in &mut check.stages {
                stage.evidence = None;
                stage.diagnosis = Diagnosis::default();
            }
        }
        if let Some(since) = &mut report.since {
            since.changes.clear();
        }
        report.verdict.diagnosis = Diagnosis::default();
        report.verdict.check = None;
        report.response = match (report.places(Outcome::Failed), report.places(Outcome::Warning)) {
            (None, None) => "All checks passed.".to_owned(),
            (Some(failed), _) => format!("Failed: {failed}. {advice}"),
            (None, Some(warned)) => format!("All checks passed. Warning: {warned}. {advice}"),
        };
        report
    }

    /// Returns which checks have this outcome, each with the stage that has it.
    fn places(&self, outcome: Outcome) -> Option<String> {
        let checks = self.checks.iter().filter(|check| check.outcome == outcome);
        let places: Vec<_> =
            checks.filter_map(|check| Some(format!("{} at {}", check.subject, check.first(outcome)?.name))).collect();
        (!places.is_empty()).then(|| places.join(", "))
    }
}

/// Returns the target as `make explain` takes it: host and port, or a URL without its path, of characters that mean
/// nothing to a shell. `None` for an IPv6 address, which it does not know.
fn provable(target: &str) -> Option<String> {
    let (scheme, rest) = target.split_once("://").unwrap_or(("", target));
    let place = rest.split_once('/').map_or(rest, |(place, _)| place);
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    let plain = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    plain.then(|| if scheme.is_empty() { place.to_owned() } else { format!("{scheme}://{place}") })
}
