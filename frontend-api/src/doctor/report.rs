//! What the doctor found: checks, each a walk of stages, and one verdict.

use std::time::Duration;

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::causes::Cause;
use super::stage::StageName;
use super::subject::Subject;

/// How a stage or a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Ok,
    /// It works, and deserves a look before it no longer does. A warning never makes a report fail.
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
    /// Addresses, certificates, codes: what was seen. Null when nothing was, when the stage was skipped, or when it is not
    /// for this caller.
    pub evidence: Option<String>,
    #[serde(flatten)]
    #[schema(inline)]
    pub diagnosis: Diagnosis,
}

/// What is wrong and what mends it; all null when nothing is, or when it is not for this caller.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct Diagnosis {
    /// Stable, see docs/connectivity.md.
    pub code: Option<&'static str>,
    pub cause: Option<&'static str>,
    pub remedy: Option<&'static str>,
    /// Where this service explains the code.
    #[schema(example = "/test-connection/faults#refused")]
    pub link: Option<String>,
}

/// The walk to one dependency.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CheckReport {
    #[serde(rename = "name")]
    #[schema(value_type = String, example = "database")]
    pub subject: Subject,
    /// Host and port, or URL. Null when it is not known, because the secret that holds it was not read, or when it is not
    /// for this caller.
    pub target: Option<String>,
    pub outcome: Outcome,
    pub milliseconds: f64,
    pub stages: Vec<Stage>,
    /// The command that proves from outside what blocks a network hop. `SERVICE_ARN` stands for the service, which does
    /// not know its own name. Null unless a network hop failed, or when it is not for this caller.
    pub prove: Option<String>,
    #[serde(skip)]
    pub(super) facts: Facts,
}

/// What was seen of the network, as far as the check came. The verdict's rules decide by these and by causes, never by
/// evidence, which is text for people.
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
    /// The check that failed; null when none did, when several did for one reason, or when it is not for this caller.
    #[schema(value_type = Option<String>)]
    pub check: Option<Subject>,
    /// The stage that failed; null when none did.
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
    /// Who answers.
    pub service: Service,
    pub verdict: Verdict,
    pub checks: Vec<CheckReport>,
}

/// The program that made a report.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    #[schema(example = "frontend-api")]
    pub name: &'static str,
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// `REVISION`: what was deployed. Null if that is not set.
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

    /// Returns the command that proves what blocks the failed hop, if that is one of the network.
    pub(super) fn proof(&self) -> Option<String> {
        let stage = self.first_failed()?;
        let (target, network) = (self.target.as_ref()?, [StageName::Dns, StageName::Tcp].contains(&stage.name));
        network.then(|| format!("make explain ARGS=\"--from SERVICE_ARN --to {target}\""))
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

/// Milliseconds, to the microsecond.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1e3
}

fn rfc3339<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    let seconds = time.replace_nanosecond(0).unwrap_or(*time);
    serializer.serialize_str(&seconds.format(&Rfc3339).map_err(serde::ser::Error::custom)?)
}
