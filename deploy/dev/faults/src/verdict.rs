//! What a scenario promises, and whether that held.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

use causeway_load::load::Outcome;

/// One promise.
struct Check {
    promise: &'static str,
    held: bool,
    figure: String,
}

/// All promises of one scenario.
pub struct Verdict {
    pub scenario: &'static str,
    checks: Vec<Check>,
}

impl Verdict {
    pub fn new(scenario: &'static str) -> Self {
        Self { scenario, checks: Vec::new() }
    }

    pub fn expect(&mut self, promise: &'static str, held: bool, figure: impl Into<String>) {
        self.checks.push(Check { promise, held, figure: figure.into() });
    }

    pub fn at_most(&mut self, promise: &'static str, figure: f64, limit: f64, unit: &str) {
        self.expect(promise, figure <= limit, format!("{figure:.1} {unit} (at most {limit} {unit})"));
    }

    pub fn held(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.held)
    }

    /// Every request that was answered 200 is in the table.
    pub fn expect_recorded(&mut self, outcomes: &[Outcome], rows: &HashSet<String>) {
        let confirmed: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_ok()).collect();
        let missing = confirmed.iter().filter(|outcome| !rows.contains(&outcome.agent)).count();
        let figure = format!("{} of {} missing", missing, confirmed.len());
        self.expect("every 200 is in the table", missing == 0 && !confirmed.is_empty(), figure);
    }

    /// What is not 200 is 503 with `Retry-After`, and at least `least` of them show that the fault was felt.
    pub fn expect_polite_refusals(&mut self, outcomes: &[Outcome], least: usize) {
        let refused: Vec<_> = outcomes.iter().filter(|outcome| !outcome.is_ok()).collect();
        let polite = |outcome: &&&Outcome| matches!(&outcome.result, Ok(answer) if answer.status == 503 && answer.has_retry_after);
        let count = refused.iter().filter(polite).count();
        let mut figure = format!("{count} of {} refusals", refused.len());
        if let Some(other) = refused.iter().find(|outcome| !polite(outcome)) {
            let what = match &other.result {
                Ok(answer) => answer.status.to_string(),
                Err(problem) => problem.clone(),
            };
            let _ = write!(figure, "; such as: {what}");
        }
        self.expect("refusals are 503 with Retry-After", count == refused.len() && count >= least, figure);
        let slowest = slowest(refused.into_iter());
        self.at_most("the slowest refusal", slowest.as_secs_f64(), 5.5, "s");
    }

    /// From `healed` on it takes at most two seconds until every new request succeeds.
    pub fn expect_recovery(&mut self, outcomes: &[Outcome], healed: Instant) {
        let last_failed = outcomes.iter().rposition(|outcome| !outcome.is_ok());
        let normal = outcomes.get(last_failed.map_or(0, |index| index + 1));
        let promise = "back to normal after";
        match normal {
            Some(first) => {
                let took = first.started.saturating_duration_since(healed);
                self.at_most(promise, took.as_secs_f64(), 2.0, "s");
            }
            None => self.expect(promise, false, "never"),
        }
    }

    /// No request failed.
    pub fn expect_no_failure(&mut self, outcomes: &[Outcome], allowed: usize) {
        let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.is_ok()).collect();
        let mut figure = format!("{} of {} failed", failed.len(), outcomes.len());
        if let Some(first) = failed.first() {
            let what = match &first.result {
                Ok(answer) => format!("{} {}", answer.status, answer.body.chars().take(160).collect::<String>()),
                Err(problem) => problem.clone(),
            };
            let _ = write!(figure, ", the first with: {what}");
        }
        self.expect("no failed request", failed.len() <= allowed && !outcomes.is_empty(), figure);
        let slowest = slowest(outcomes.iter());
        self.at_most("the slowest request", slowest.as_secs_f64(), 2.0, "s");
    }

    /// For people, as soon as the scenario has ended.
    pub fn text(&self) -> String {
        let lines = self.checks.iter().map(|check| {
            format!("  {} {}: {}\n", if check.held { "ok    " } else { "FAILED" }, check.promise, check.figure)
        });
        format!("{}\n{}", self.scenario, lines.collect::<String>())
    }

    /// A row for each promise, for `docs/reliability.md`.
    pub fn rows(&self) -> String {
        let row = |check: &Check| {
            let held = if check.held { "" } else { "**FAILED** " };
            format!("| {} | {} | {held}{} |\n", self.scenario, check.promise, check.figure)
        };
        self.checks.iter().map(row).collect()
    }
}

fn slowest<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Duration {
    outcomes.map(|outcome| outcome.took).max().unwrap_or_default()
}
