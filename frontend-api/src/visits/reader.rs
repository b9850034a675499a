//! Coalesced reads: all who wait when a query starts share its answer, so that no answer is older than its request.

use bytes::Bytes;

use super::batcher::Inbox;
use super::error::VisitError;
use super::handlers::RecentVisits;
use super::store::Store;

/// Ends when nobody can submit any more.
pub(super) async fn run(store: Store, mut inbox: Inbox<(), Bytes>) {
    while let Some(batch) = inbox.next_batch().await {
        let answer = read(&store).await;
        for pending in batch {
            pending.answer(answer.clone());
        }
    }
}

async fn read(store: &Store) -> Result<Bytes, VisitError> {
    let visits = store.recent().await?;
    let json = serde_json::to_vec(&RecentVisits::from(visits)).expect("a struct of strings is always JSON");
    Ok(json.into())
}
