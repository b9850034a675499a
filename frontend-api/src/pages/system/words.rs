//! The words of the system page.

use causeway_common::http::page::State;

use crate::doctor::{CheckReport, Outcome, Report};

/// The verdict in a few words.
pub(super) fn headline(report: &Report) -> String {
    let all = report.checks.len();
    let count = |outcome| report.checks.iter().filter(|check| check.outcome == outcome).count();
    let (failed, warned) = (count(Outcome::Failed), count(Outcome::Warning));
    let verdict = &report.verdict;
    let stage = verdict.stage.map(|stage| title(&stage.to_string()));
    match (verdict.outcome, &verdict.check, stage) {
        (Outcome::Failed, Some(check), Some(stage)) => format!("{} stops at {stage}", title(&check.to_string())),
        (Outcome::Warning, Some(check), Some(stage)) => {
            format!("{} works, with a warning at {stage}", title(&check.to_string()))
        }
        (Outcome::Failed, ..) => {
            format!("{failed} of {all} dependencies {}", if failed == 1 { "fails" } else { "fail" })
        }
        (Outcome::Warning, ..) => format!("All {all} dependencies work, {warned} with a warning"),
        _ if all == 1 => "The one dependency works".to_owned(),
        _ => format!("All {all} dependencies work"),
    }
}

/// What the verdict means for the reader.
pub(super) fn summary(report: &Report) -> String {
    let count = |outcome| report.checks.iter().filter(|check| check.outcome == outcome).count();
    let (failed, warned, all) = (count(Outcome::Failed), count(Outcome::Warning), report.checks.len());
    if report.redacted && failed + warned > 0 {
        return "Addresses, causes and remedies are for the people who run this service.".to_owned();
    }
    match (failed, warned) {
        (0, 0) => "Each hop was tried just now, in this order.".to_owned(),
        (0, 1) => format!("1 of {all} dependencies works, with a warning."),
        (0, warned) => format!("{warned} of {all} dependencies work, with a warning each."),
        (1, 0) => format!("1 of {all} dependencies failed."),
        (failed, 0) => {
            format!("{failed} of {all} dependencies failed. Fix the first fault first: others may follow from it.")
        }
        (failed, warned) => format!("{failed} of {all} dependencies failed, {warned} with a warning."),
    }
}

/// How the check of a dependency ended.
pub(super) fn words(check: &CheckReport) -> String {
    let at = |outcome| check.first(outcome).map(|stage| title(&stage.name.to_string()));
    match check.outcome {
        Outcome::Failed => match at(Outcome::Failed) {
            Some(stage) => format!("Failed at {stage} after {:.0} ms", check.milliseconds),
            None => word(check.outcome).to_owned(),
        },
        Outcome::Warning => match at(Outcome::Warning) {
            Some(stage) => format!("Works, with a warning at {stage}"),
            None => word(check.outcome).to_owned(),
        },
        Outcome::Ok => format!("Works, {:.0} ms", check.milliseconds),
        Outcome::Skipped => "Skipped".to_owned(),
    }
}

/// The state in one word.
pub(super) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "Works",
        Outcome::Warning => "Works, with a warning",
        Outcome::Failed => "Failed",
        Outcome::Skipped => "Skipped",
    }
}

/// A name as a heading: abbreviations in capitals, addresses as they are.
pub(super) fn title(name: &str) -> String {
    if matches!(name, "dns" | "tcp" | "tls" | "http") {
        return name.to_uppercase();
    }
    let mut letters = name.chars();
    match letters.next() {
        Some(first) if !name.contains(['.', ':', '/']) => first.to_uppercase().chain(letters).collect(),
        _ => name.to_owned(),
    }
}

pub(super) fn state_of(outcome: Outcome) -> State {
    match outcome {
        Outcome::Ok => State::Ok,
        Outcome::Warning => State::Warning,
        Outcome::Failed => State::Failed,
        Outcome::Skipped => State::Skipped,
    }
}
