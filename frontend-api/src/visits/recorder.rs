//! Group commit: all visits that wait become one INSERT, and each request is answered after its commit.
//!
//! While the database commits one batch, the next one gathers: the busier the service, the larger the batches. Where commits
//! are slow, several are under way at once, each on a separate connection ([`overlap`](super::overlap)). If a connection is
//! lost during a commit, its outcome is unknown, so the batch is answered with 503 and never repeated.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_common::telemetry::{ServedTogether, trace};

use super::error::InsertError;

use super::metrics;
use super::overlap::{Ended, Overlap};
use super::store::{Store, Visit};
use crate::batch::{Batch, Inbox};
use crate::database::{DatabaseError, Permit};

/// About what a row costs this service and the database.
const WORK_FOR_A_ROW: Duration = Duration::from_micros(10);

/// Ends when no visit can be submitted any more.
pub(super) async fn run(store: Store, mut inbox: Inbox<Visit, ServedTogether, InsertError>) {
    let mut overlap = Overlap::new(store.most_permits());
    loop {
        // Alone, what a batch takes says what the database takes.
        overlap.turn(inbox.is_behind()).await;
        if !overlap.during(inbox.arrival()).await {
            break;
        }
        // Meanwhile one may have failed, or taken long.
        overlap.turn(inbox.is_behind()).await;
        let permit = overlap.during(store.permit()).await;
        if let Some(batch) = overlap.during(inbox.gather()).await {
            overlap.begin(record(&store, permit, batch));
        }
    }
    overlap.turn(true).await;
}

/// Inserts the batch. If the database rejects its data, each half is tried separately, until the rejected visit is alone
/// and the others are committed.
async fn record(store: &Store, permit: Permit, batch: Batch<Visit, ServedTogether, InsertError>) -> Ended {
    let begun = Instant::now();
    let (mut parts, mut is_split, mut ended) = (vec![batch], false, Ended::Unknown);
    while let Some(mut part) = parts.pop() {
        let batch_size = part.live().len();
        if batch_size == 0 {
            continue;
        }
        match insert(store, &permit, &part, batch_size).await {
            Ok(()) => {
                if !is_split {
                    ended = Ended::Waited(without_work(begun.elapsed(), batch_size));
                }
                part.answer_by_wait(|wait| ServedTogether { batch_size, wait });
            }
            Err(error) if error.refuses_data() && batch_size > 1 => {
                is_split = true;
                let (first, second) = part.split();
                parts.extend([second, first]);
            }
            Err(error) if error.refuses_data() => part.answer_all(Err(InsertError::Refused(Arc::new(error)))),
            Err(error) => {
                ended = Ended::Failed;
                part.answer_all(Err(InsertError::Database(Arc::new(error))));
            }
        }
    }
    ended
}

fn without_work(took: Duration, rows: usize) -> Duration {
    took.saturating_sub(WORK_FOR_A_ROW * u32::try_from(rows).unwrap_or(u32::MAX))
}

/// Inserts the visits of one batch, as part of the traces of all its requests.
async fn insert(
    store: &Store,
    permit: &Permit,
    part: &Batch<Visit, ServedTogether, InsertError>,
    batch_size: usize,
) -> Result<(), DatabaseError> {
    metrics::BATCH_SIZE.observe(f64::from(u32::try_from(batch_size).unwrap_or(u32::MAX)));
    let begun = Instant::now();
    let span = trace::Shared::start("record visits", part.traces()).writing(batch_size);
    let outcome = span.run(store.insert(permit, part.questions())).await;
    metrics::COMMIT.observe(begun.elapsed().as_secs_f64());
    outcome
}

#[cfg(test)]
mod tests {
    use time::PrimitiveDateTime;

    use super::super::store::nowhere;
    use super::*;
    use crate::batch;

    fn visit() -> Visit {
        Visit { at: PrimitiveDateTime::MIN, user_agent: None }
    }

    #[test]
    fn the_work_for_its_rows_is_not_what_a_batch_waited_for() {
        for (took, rows, waited) in [(3000, 0, 3000), (3000, 1, 2990), (3000, 100, 2000), (3000, 512, 0)] {
            let waited = Duration::from_micros(waited);
            assert_eq!(without_work(Duration::from_micros(took), rows), waited, "{rows} rows in {took} µs");
        }
    }

    #[tokio::test]
    async fn a_batch_that_the_database_did_not_take_says_nothing_of_its_time() {
        let (_, store) = nowhere();
        let (visitors, mut inbox) = batch::paced(1, Duration::from_secs(60));
        let recorded = async {
            let batch = inbox.next().await.unwrap();
            record(&store, store.permit().await, batch).await
        };
        let (answer, ended) = tokio::join!(visitors.submit(visit(), trace::Context::default()), recorded);
        assert!(answer.is_err());
        assert!(matches!(ended, Ended::Failed), "{ended:?}");
    }

    #[tokio::test]
    async fn visits_whose_callers_have_left_are_not_sent() {
        let (database, store) = nowhere();
        let (visitors, inbox) = batch::paced(1, Duration::ZERO);
        // Its deadline has passed when it is queued.
        assert!(visitors.submit(visit(), trace::Context::default()).await.is_err());
        drop(visitors);
        run(store, inbox).await;
        // A statement would have noticed that there is no database.
        assert!(database.availability().loss().is_none());
    }
}
