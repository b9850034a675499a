//! What differs between two reports: for `--watch`, and for a report that fails after a good one.

use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

use super::report::{Before, CheckReport, Outcome, Report, Stage};
use super::stage::StageName;

/// A stage is slower only if it takes several times as long, and so much longer that somebody may feel it.
const TIMES_AS_LONG: f64 = 5.0;
const MILLISECONDS_LONGER: f64 = 100.0;

/// The last report without a fault, and since when reports have one.
#[derive(Default)]
pub(super) struct History(Mutex<Known>);

#[derive(Default)]
struct Known {
    last_good: Option<Arc<Report>>,
    failing_since: Option<OffsetDateTime>,
}

impl History {
    /// Adds to a report that fails since when that is so, and what has changed since the last good one.
    pub(super) fn complete(&self, mut report: Report) -> Arc<Report> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if report.is_ok() {
            let report = Arc::new(report);
            *known = Known { last_good: Some(report.clone()), failing_since: None };
            return report;
        }
        let failing_since = *known.failing_since.get_or_insert(report.time);
        report.since = Some(Before {
            failing_since,
            last_good: known.last_good.as_ref().map(|good| good.time),
            changes: known.last_good.as_ref().map(|good| between(good, &report)).unwrap_or_default(),
        });
        Arc::new(report)
    }
}

/// Returns each stage that ended otherwise, showed something else, or became much slower.
pub(super) fn between(before: &Report, now: &Report) -> Vec<String> {
    let earlier = |check: &CheckReport| before.checks.iter().find(|earlier| earlier.subject == check.subject);
    let pairs = now.checks.iter().filter_map(|check| Some((check, earlier(check)?)));
    pairs.flat_map(|(check, earlier)| of_check(earlier, check)).collect()
}

fn of_check(before: &CheckReport, now: &CheckReport) -> Vec<String> {
    let earlier = |stage: &Stage| before.stages.iter().find(|earlier| earlier.name == stage.name);
    let pairs = now.stages.iter().filter_map(|stage| Some((stage, earlier(stage)?)));
    let changes = pairs.filter_map(|(stage, earlier)| of_stage(earlier, stage).map(|change| (stage.name, change)));
    changes.map(|(name, change)| format!("{} {name}: {change}", now.subject)).collect()
}

fn of_stage(before: &Stage, now: &Stage) -> Option<String> {
    // What was not reached shows nothing.
    if now.outcome == Outcome::Skipped || before.outcome == Outcome::Skipped && now.outcome == Outcome::Ok {
        return None;
    }
    let seen = |stage: &Stage| stage.evidence.clone().unwrap_or_default();
    if (before.outcome, before.diagnosis.code) != (now.outcome, now.diagnosis.code) {
        return Some(format!("{} → {}; was {:?}, is {:?}", named(before), named(now), seen(before), seen(now)));
    }
    // Whether somebody has sent a request changes all the time.
    if before.evidence != now.evidence && now.name != StageName::Requests {
        return Some(format!("was {:?}, is {:?}", seen(before), seen(now)));
    }
    let (before, now) = (before.milliseconds, now.milliseconds);
    let is_slower = now > before * TIMES_AS_LONG && now > before + MILLISECONDS_LONGER;
    is_slower.then(|| format!("took {before:.1} ms, takes {now:.1} ms"))
}

fn named(stage: &Stage) -> String {
    let outcome = format!("{:?}", stage.outcome).to_lowercase();
    stage.diagnosis.code.map_or_else(|| outcome.clone(), |code| format!("{outcome} ({code})"))
}
