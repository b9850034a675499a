//! What the doctor found: checks, each a walk of stages, and one verdict.

use std::time::Duration;

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::catalogue::Cause;

/// The hops on the way to a dependency, in the order of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    Configuration,
    Secret,
    Dns,
    Tcp,
    Tls,
    Credentials,
    Read,
    Authentication,
    Query,
    Writable,
    Http,
    Identity,
}

impl std::fmt::Display for StageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{self:?}").to_lowercase())
    }
}

/// How a stage or a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Ok,
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
}

/// The walk to one dependency.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Check {
    #[schema(example = "database")]
    pub name: String,
    /// Host and port, or URL. Null when it is not known, because the secret that holds it was not read, or when it is not
    /// for this caller.
    pub target: Option<String>,
    pub outcome: Outcome,
    pub milliseconds: f64,
    pub stages: Vec<Stage>,
    /// Whether the addresses are public; what the verdict's rules ask.
    #[serde(skip)]
    pub is_public: Option<bool>,
}

/// The first blocking fault.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Verdict {
    pub outcome: Outcome,
    /// The check that failed; null when none did, when several did for one reason, or when it is not for this caller.
    pub check: Option<String>,
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
    pub verdict: Verdict,
    pub checks: Vec<Check>,
}

impl From<&'static Cause> for Diagnosis {
    fn from(cause: &'static Cause) -> Self {
        Self { code: Some(cause.code), cause: Some(cause.text), remedy: Some(cause.remedy) }
    }
}

impl Check {
    /// The stage that failed first.
    pub fn first_failed(&self) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.outcome == Outcome::Failed)
    }

    /// Whether its first fault is `cause`.
    pub fn failed_by(&self, cause: &Cause) -> bool {
        self.first_failed().is_some_and(|stage| stage.diagnosis.code == Some(cause.code))
    }
}

impl Report {
    /// Whether all went well.
    pub fn is_ok(&self) -> bool {
        self.verdict.outcome == Outcome::Ok
    }

    /// Returns the report for a caller who may only see outcomes: no address, no name, no cause. `advice` says how to see
    /// the rest.
    pub fn redacted(&self, advice: &str) -> Self {
        let mut report = self.clone();
        report.redacted = true;
        let mut others = 0;
        for check in &mut report.checks {
            check.target = None;
            if !super::is_built_in(&check.name) {
                others += 1;
                check.name = format!("other {others}");
            }
            for stage in &mut check.stages {
                stage.evidence = None;
                stage.diagnosis = Diagnosis::default();
            }
        }
        report.verdict.diagnosis = Diagnosis::default();
        let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
        let failures: Vec<String> =
            failed.filter_map(|check| Some(format!("{} at {}", check.name, check.first_failed()?.name))).collect();
        report.verdict.check = None;
        report.response = if failures.is_empty() {
            "All checks passed.".to_owned()
        } else {
            format!("Failed: {}. {advice}", failures.join(", "))
        };
        report
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
