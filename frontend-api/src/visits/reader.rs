//! Coalesced reads: all who wait when a query starts share its answer, so that no answer is older than its request.

use bytes::Bytes;

use super::batcher::Inbox;
use super::error::VisitError;
use super::handlers::RecentVisits;
use super::store;
use crate::database::Database;

/// Ends when nobody can submit any more.
pub(super) async fn run(database: Database, mut inbox: Inbox<(), Bytes>) {
    while let Some(batch) = inbox.next_batch().await {
        let answer = read(&database).await;
        for pending in batch {
            pending.answer(answer.clone());
        }
    }
}

async fn read(database: &Database) -> Result<Bytes, VisitError> {
    let visits = store::recent(database).await?;
    let json = serde_json::to_vec(&RecentVisits::from(visits)).expect("a struct of strings is always JSON");
    Ok(json.into())
}
