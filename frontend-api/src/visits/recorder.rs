//! Group commit: all visits that wait become one INSERT, and each request is answered after its commit.
//!
//! One batch is in flight at a time. While the database commits it, the next one gathers: the busier the service, the
//! larger the batches. If a connection is lost during a commit, its outcome is unknown, so the batch is answered with 503
//! and never repeated.

use std::sync::Arc;
use std::time::Instant;

use causeway_common::telemetry::{ServedTogether, trace};

use super::error::InsertError;
use super::metrics;
use super::store::{Store, Visit};
use crate::batch::{Batch, Inbox};
use crate::database::DatabaseError;

/// Ends when no visit can be submitted any more.
pub(super) async fn run(store: Store, mut inbox: Inbox<Visit, ServedTogether, InsertError>) {
    while let Some(batch) = inbox.next().await {
        record(&store, batch).await;
    }
}

/// Inserts the batch. If the database rejects its data, each half is tried separately, until the rejected visit is alone
/// and the others are committed.
async fn record(store: &Store, batch: Batch<Visit, ServedTogether, InsertError>) {
    let mut parts = vec![batch];
    while let Some(mut part) = parts.pop() {
        let batch_size = part.live().len();
        if batch_size == 0 {
            continue;
        }
        match insert(store, &part, batch_size).await {
            Ok(()) => part.answer_by_wait(|wait| ServedTogether { batch_size, wait }),
            Err(error) if error.refuses_data() && batch_size > 1 => {
                let (first, second) = part.split();
                parts.extend([second, first]);
            }
            Err(error) if error.refuses_data() => part.answer_all(Err(InsertError::Refused(Arc::new(error)))),
            Err(error) => part.answer_all(Err(InsertError::Database(Arc::new(error)))),
        }
    }
}

/// Inserts the visits of one batch, as part of the traces of all its requests.
async fn insert(
    store: &Store,
    part: &Batch<Visit, ServedTogether, InsertError>,
    batch_size: usize,
) -> Result<(), DatabaseError> {
    metrics::BATCH_SIZE.observe(f64::from(u32::try_from(batch_size).unwrap_or(u32::MAX)));
    let begun = Instant::now();
    let span = trace::Shared::start("record visits", part.traces()).writing(batch_size);
    let outcome = span.run(store.insert(part.questions())).await;
    metrics::COMMIT.observe(begun.elapsed().as_secs_f64());
    outcome
}
