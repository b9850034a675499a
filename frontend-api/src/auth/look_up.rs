//! All look-ups that wait share one query. It only reads; the time of a session's last use is written later.

use std::sync::Arc;

use causeway_common::telemetry::trace;

use super::seen::Seen;
use super::store::{Found, Store};
use super::token::TokenHash;
use crate::batch::{Batch, Inbox};
use crate::database::{Database, DatabaseError, Lane};

type Asked = Batch<TokenHash, Option<Found>, Arc<DatabaseError>>;

/// Ends when no look-up can be submitted any more.
pub(super) async fn run(
    database: Database,
    store: Store,
    mut inbox: Inbox<TokenHash, Option<Found>, Arc<DatabaseError>>,
    seen: Seen,
) {
    while let Some(batch) = inbox.next().await {
        answer(&database, &store, batch, &seen).await;
    }
}

async fn answer(database: &Database, store: &Store, mut batch: Asked, seen: &Seen) {
    let tokens: Vec<TokenHash> = batch.live().copied().collect();
    if tokens.is_empty() {
        return;
    }
    let find = database.run(Lane::Sessions, async |connection| store.find(connection, &tokens).await);
    match trace::Shared::start("look sessions up", batch.traces()).run(find).await {
        Ok(found) => {
            // By hash, because the rows come in any order.
            batch.answer_each(tokens.iter().map(|token| Ok(found.get(token).copied())));
            seen.note(found.into_iter().filter(|(_, found)| found.seen_long_ago).map(|(token, _)| token));
        }
        Err(error) => batch.answer_all(Err(Arc::new(error))),
    }
}
