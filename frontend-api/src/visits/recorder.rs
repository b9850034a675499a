//! Group commit: all visits that wait become one INSERT, and each is answered after its commit.
//!
//! One batch is in flight at a time. While the database commits it, the next one gathers: the busier the service, the
//! larger the batches. When a connection is lost during a commit nobody can tell whether it took effect, so the batch is
//! answered with 503 and never repeated.

use std::sync::Arc;

use super::batcher::{Inbox, Pending};
use super::error::VisitError;
use super::store::{Store, Visit};

type Batch = Vec<Pending<Visit, ()>>;

/// Ends when nobody can submit any more.
pub(super) async fn run(store: Store, mut inbox: Inbox<Visit, ()>) {
    while let Some(batch) = inbox.next_batch().await {
        record(&store, batch).await;
    }
}

/// Inserts the batch. When the database refuses the data in it, the halves are tried on their own, so that in the end
/// the refused visit stands alone and its neighbours are committed.
async fn record(store: &Store, batch: Batch) {
    let mut parts = vec![batch];
    while let Some(mut part) = parts.pop() {
        part.retain(|pending| !pending.is_abandoned());
        if part.is_empty() {
            continue;
        }
        match store.insert(part.iter().map(|pending| &pending.request)).await {
            Ok(()) => answer(part, &Ok(())),
            Err(error) if error.refuses_data() && part.len() > 1 => {
                parts.push(part.split_off(part.len() / 2));
                parts.push(part);
            }
            Err(error) if error.refuses_data() => answer(part, &Err(VisitError::Refused(Arc::new(error)))),
            Err(error) => answer(part, &Err(VisitError::from(error))),
        }
    }
}

fn answer(part: Batch, result: &Result<(), VisitError>) {
    for pending in part {
        pending.answer(result.clone());
    }
}
