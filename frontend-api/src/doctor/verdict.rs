//! Makes one verdict of many stages: the first rule that matches decides.

use super::causes::{
    Cause, DATABASE_TIMED_OUT, EVERYTHING_TIMES_OUT, NO_NAME_RESOLVES, PRIVATE_ENDPOINT_TIMED_OUT,
    PRIVATE_SERVICE_TIMED_OUT, PUBLIC_ENDPOINT_TIMED_OUT, PUBLIC_TIMES_OUT, RESOLVER_FAILED, RESOLVER_SILENT,
    S3_TIMED_OUT,
};
use super::report::{CheckReport, Diagnosis, Outcome, Stage, Verdict};
use super::stage::StageName;

/// A cause that several checks show together, and none alone.
struct Rule {
    /// Whether a check's fault is one of those that the rule explains. Others are not suppressed by it.
    explains: fn(&CheckReport) -> bool,
    holds: fn(&[CheckReport]) -> bool,
    cause: &'static Cause,
}

static RULES: &[Rule] = &[
    Rule { explains: was_not_served, holds: no_name_resolves, cause: &NO_NAME_RESOLVES },
    Rule { explains: timed_out, holds: everything_times_out, cause: &EVERYTHING_TIMES_OUT },
    Rule { explains: public_timed_out, holds: public_times_out, cause: &PUBLIC_TIMES_OUT },
];

/// Returns the first blocking fault; if there is none, the first warning.
pub(super) fn of(checks: &[CheckReport]) -> Verdict {
    // Checks are in the order in which one depends on another, as the database on Secrets Manager, and stages in the order of
    // the check: configuration before the network.
    let faults = found(checks, Outcome::Failed);
    let Some((check, stage)) = faults.first() else { return without_fault(checks) };
    if let Some(rule) = RULES.iter().find(|rule| (rule.explains)(check) && (rule.holds)(checks)) {
        return Verdict {
            outcome: Outcome::Failed,
            check: None,
            stage: Some(stage.name),
            diagnosis: Diagnosis::from(rule.cause),
        };
    }
    blame(check, stage)
}

fn found(checks: &[CheckReport], outcome: Outcome) -> Vec<(&CheckReport, &Stage)> {
    checks.iter().filter_map(|check| Some((check, check.first(outcome)?))).collect()
}

fn without_fault(checks: &[CheckReport]) -> Verdict {
    match found(checks, Outcome::Warning).first() {
        Some((check, stage)) => blame(check, stage),
        None => Verdict { outcome: Outcome::Ok, check: None, stage: None, diagnosis: Diagnosis::default() },
    }
}

fn blame(check: &CheckReport, stage: &Stage) -> Verdict {
    Verdict {
        outcome: stage.outcome,
        check: Some(check.subject.clone()),
        stage: Some(stage.name),
        diagnosis: stage.diagnosis.clone(),
    }
}

/// Returns the verdict in one sentence.
pub(super) fn sentence(verdict: &Verdict, checks: &[CheckReport]) -> String {
    let names: Vec<_> = checks.iter().map(|check| check.subject.to_string()).collect();
    let passed = format!("All checks passed: {}.", names.join(", "));
    let Some((cause, remedy)) = verdict.diagnosis.cause.zip(verdict.diagnosis.remedy) else { return passed };
    let place = match (&verdict.check, verdict.stage) {
        (Some(check), Some(stage)) => Some((check, stage)),
        _ => None,
    };
    if verdict.outcome == Outcome::Warning {
        let place = place.map_or_else(String::new, |(check, stage)| format!("{check} at {stage}: "));
        return format!("{passed} Warning: {place}{cause} {remedy}");
    }
    let place = place.map_or_else(String::new, |(check, stage)| format!("{check} failed at {stage}: "));
    let failed = checks.iter().filter(|check| check.outcome == Outcome::Failed).count();
    let more = if failed > 1 { format!(" ({failed} checks failed; fix this one first.)") } else { String::new() };
    format!("{place}{cause} {remedy}{more}")
}

/// Two or more asked the resolver, and it served none of them.
fn no_name_resolves(checks: &[CheckReport]) -> bool {
    let asked: Vec<_> = checks.iter().filter(|check| check.facts.asked_resolver).collect();
    asked.len() > 1 && asked.into_iter().all(was_not_served)
}

fn was_not_served(check: &CheckReport) -> bool {
    check.failed_by(&RESOLVER_SILENT) || check.failed_by(&RESOLVER_FAILED)
}

/// Two or more dialled, and all timed out, whatever kind of address they had.
fn everything_times_out(checks: &[CheckReport]) -> bool {
    let dialled: Vec<_> = checks.iter().filter(|check| dialled(check)).collect();
    dialled.len() > 1
        && dialled.iter().all(|check| timed_out(check))
        && dialled.iter().any(|check| check.facts.is_public == Some(false))
}

/// Two or more public destinations time out while a private one connects.
fn public_times_out(checks: &[CheckReport]) -> bool {
    let (public, private): (Vec<&CheckReport>, Vec<_>) =
        checks.iter().filter(|check| dialled(check)).partition(|check| check.facts.is_public == Some(true));
    public.len() > 1 && public.iter().all(|check| timed_out(check)) && private.iter().any(|check| !timed_out(check))
}

fn public_timed_out(check: &CheckReport) -> bool {
    check.facts.is_public == Some(true) && timed_out(check)
}

fn dialled(check: &CheckReport) -> bool {
    check.reached(StageName::Tcp)
}

fn timed_out(check: &CheckReport) -> bool {
    [
        &DATABASE_TIMED_OUT,
        &PRIVATE_SERVICE_TIMED_OUT,
        &PRIVATE_ENDPOINT_TIMED_OUT,
        &PUBLIC_ENDPOINT_TIMED_OUT,
        &S3_TIMED_OUT,
    ]
    .into_iter()
    .any(|cause| check.failed_by(cause))
}

#[cfg(test)]
mod tests;
