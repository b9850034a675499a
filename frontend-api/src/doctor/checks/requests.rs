//! How the newest requests ended, against what the doctor sees itself.

use std::time::{Duration, Instant};

use crate::database::Database;
use crate::doctor::causes::{REQUESTS_FAIL, REQUESTS_SUCCEED};
use crate::doctor::report::{CheckReport, Diagnosis, Outcome};
use crate::doctor::stage::StageName;
use crate::doctor::walk::{Fault, Found};
use crate::visits::Requests;

/// How long a request says something of the present.
const RECENTLY: Duration = Duration::from_secs(10);
/// Failures in a row that no single caller's mistake explains.
const MANY: u32 = 3;

/// How the newest requests for visits ended, if that is not what every stage before makes one expect. Failures from before
/// the database became available are over.
pub(super) fn served(service: &Database, requests: &Requests) -> Result<Found<()>, Fault> {
    let is_new = |at: Instant| {
        at.elapsed() < RECENTLY && service.availability().available_since().is_some_and(|since| at > since)
    };
    let is_serving = requests.served_at().is_some_and(|at| at.elapsed() < RECENTLY);
    let failed = requests.failed_in_a_row();
    if failed >= MANY && !is_serving && requests.failed_at().is_some_and(is_new) {
        return Err(Fault::new(&REQUESTS_FAIL, format!("the last {failed} requests for visits failed")));
    }
    Ok(Found::new((), if is_serving { "requests for visits are served" } else { "" }))
}

/// Notes that requests are served although a stage failed: the service has connections that it opened before.
pub(super) fn compare(check: &mut CheckReport, requests: &Requests) {
    let is_serving = requests.failed_in_a_row() == 0 && requests.served_at().is_some_and(|at| at.elapsed() < RECENTLY);
    if check.outcome != Outcome::Failed || !is_serving {
        return;
    }
    if let Some(stage) = check.stages.iter_mut().find(|stage| stage.name == StageName::Requests) {
        stage.outcome = Outcome::Warning;
        stage.evidence = Some("a request for visits was served just now".to_owned());
        stage.diagnosis = Diagnosis::from(&REQUESTS_SUCCEED);
    }
}
