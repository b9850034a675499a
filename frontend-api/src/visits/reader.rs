//! Coalesced reads: all requests that wait when a query starts share its answer, so no answer is older than its request.

use std::sync::Arc;

use bytes::Bytes;
use causeway_common::telemetry::trace;

use super::handlers::RecentVisits;
use super::store::Store;
use crate::batch::Inbox;
use crate::database::DatabaseError;

/// Ends when no request can be submitted any more.
pub(super) async fn run(store: Store, mut inbox: Inbox<(), Bytes, Arc<DatabaseError>>) {
    while let Some(mut batch) = inbox.next().await {
        if batch.live().len() > 0 {
            let span = trace::Shared::start("read visits", batch.traces());
            let json = span.run(read(&store)).await;
            batch.answer_all(json.map_err(Arc::new));
        }
    }
}

async fn read(store: &Store) -> Result<Bytes, DatabaseError> {
    let visits = store.recent().await?;
    let json = serde_json::to_vec(&RecentVisits::from(visits)).expect("a struct of strings is always JSON");
    Ok(json.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::store::nowhere;
    use super::*;
    use crate::batch;

    #[tokio::test]
    async fn a_list_whose_callers_have_left_is_not_read() {
        let (database, store) = nowhere();
        let (callers, inbox) = batch::shared(1, Duration::ZERO);
        // Its deadline has passed when it is queued.
        callers.submit((), trace::Context::default()).await.unwrap_err();
        drop(callers);
        run(store, inbox).await;
        // A query would have noticed that there is no database.
        assert!(database.availability().loss().is_none());
    }
}
