//! One verdict out of many stages: rules in order, the first that matches wins, what follows from it is not mentioned.

use super::catalogue::{
    Cause, EVERYTHING_TIMES_OUT, NO_NAME_RESOLVES, PUBLIC_TIMES_OUT, RESOLVER_FAILED, RESOLVER_SILENT,
};
use super::report::{Check, Diagnosis, Outcome, Stage, StageName, Verdict};
use super::{DATABASE, SECRETS_MANAGER, catalogue};

/// What several checks show together and none of them alone.
struct Rule {
    /// Whether a check's fault is one of those that the rule explains. Others are not suppressed by it.
    explains: fn(&Check) -> bool,
    holds: fn(&[Check]) -> bool,
    cause: &'static Cause,
}

static RULES: &[Rule] = &[
    Rule { explains: was_not_served, holds: no_name_resolves, cause: &NO_NAME_RESOLVES },
    Rule { explains: timed_out, holds: everything_times_out, cause: &EVERYTHING_TIMES_OUT },
    Rule { explains: public_timed_out, holds: public_times_out, cause: &PUBLIC_TIMES_OUT },
];

/// The first blocking fault.
pub(super) fn of(checks: &[Check]) -> Verdict {
    let mut faults: Vec<(&Check, &Stage)> =
        checks.iter().filter_map(|check| Some((check, check.first_failed()?))).collect();
    // The database's secret can't be read because Secrets Manager's own check failed, which tells the hop.
    if faults.iter().any(|(check, _)| check.name == SECRETS_MANAGER) {
        faults.retain(|(check, stage)| !(check.name == DATABASE && stage.name == StageName::Secret));
    }
    // The checks stand in the order of blame, the stages in that of the walk: configuration before the network.
    let Some((check, stage)) = faults.first() else { return ok() };
    if let Some(rule) = RULES.iter().find(|rule| (rule.explains)(check) && (rule.holds)(checks)) {
        return Verdict {
            outcome: Outcome::Failed,
            check: None,
            stage: Some(stage.name),
            diagnosis: Diagnosis::from(rule.cause),
        };
    }
    Verdict {
        outcome: Outcome::Failed,
        check: Some(check.name.clone()),
        stage: Some(stage.name),
        diagnosis: stage.diagnosis.clone(),
    }
}

/// The verdict in one sentence: A's one line of text.
pub(super) fn sentence(verdict: &Verdict, checks: &[Check]) -> String {
    let Some((cause, remedy)) = verdict.diagnosis.cause.zip(verdict.diagnosis.remedy) else {
        let names: Vec<_> = checks.iter().map(|check| check.name.as_str()).collect();
        return format!("All checks passed: {}.", names.join(", "));
    };
    let place = match (&verdict.check, verdict.stage) {
        (Some(check), Some(stage)) => format!("{check} failed at {stage}: "),
        _ => String::new(),
    };
    let failed = checks.iter().filter(|check| check.outcome == Outcome::Failed).count();
    let more = if failed > 1 { format!(" ({failed} checks failed; this blocks first.)") } else { String::new() };
    format!("{place}{cause} {remedy}{more}")
}

fn ok() -> Verdict {
    Verdict { outcome: Outcome::Ok, check: None, stage: None, diagnosis: Diagnosis::default() }
}

/// Two or more asked the resolver, and it served none of them.
fn no_name_resolves(checks: &[Check]) -> bool {
    let asked: Vec<_> = checks.iter().filter(|check| asked_resolver(check)).collect();
    asked.len() > 1 && asked.into_iter().all(was_not_served)
}

fn was_not_served(check: &Check) -> bool {
    check.failed_by(&RESOLVER_SILENT) || check.failed_by(&RESOLVER_FAILED)
}

/// Two or more dialled, and all waited in vain, whatever kind of address they had.
fn everything_times_out(checks: &[Check]) -> bool {
    let dialled: Vec<_> = checks.iter().filter(|check| dialled(check)).collect();
    dialled.len() > 1
        && dialled.iter().all(|check| timed_out(check))
        && dialled.iter().any(|check| check.is_public == Some(false))
}

/// Two or more public destinations wait in vain while a private one connects.
fn public_times_out(checks: &[Check]) -> bool {
    let (public, private): (Vec<&Check>, Vec<_>) =
        checks.iter().filter(|check| dialled(check)).partition(|check| check.is_public == Some(true));
    public.len() > 1 && public.iter().all(|check| timed_out(check)) && private.iter().any(|check| !timed_out(check))
}

fn public_timed_out(check: &Check) -> bool {
    check.is_public == Some(true) && timed_out(check)
}

fn asked_resolver(check: &Check) -> bool {
    let stage = check.stages.iter().find(|stage| stage.name == StageName::Dns);
    stage.is_some_and(|stage| {
        let literal = stage.evidence.as_deref().is_some_and(|text| text.ends_with("given as an address"));
        stage.outcome != Outcome::Skipped && !literal
    })
}

fn dialled(check: &Check) -> bool {
    check.stages.iter().any(|stage| stage.name == StageName::Tcp && stage.outcome != Outcome::Skipped)
}

fn timed_out(check: &Check) -> bool {
    use catalogue::{
        DATABASE_TIMED_OUT, PRIVATE_ENDPOINT_TIMED_OUT, PRIVATE_SERVICE_TIMED_OUT, PUBLIC_ENDPOINT_TIMED_OUT,
    };
    [&DATABASE_TIMED_OUT, &PRIVATE_SERVICE_TIMED_OUT, &PRIVATE_ENDPOINT_TIMED_OUT, &PUBLIC_ENDPOINT_TIMED_OUT]
        .into_iter()
        .any(|cause| check.failed_by(cause))
}
