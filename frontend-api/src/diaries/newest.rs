//! Lists of diaries: all requests that wait share one query.

use std::sync::Arc;

use causeway_common::telemetry::trace;

use super::store::{self, Asked, Page};
use crate::batch::Inbox;
use crate::database::{Database, DatabaseError, Lane};

/// Pages in one query. With the longest texts, the rows of each of the two queries of `store` need about 30 MB.
const MOST: usize = 64;

/// Ends when no request can be submitted any more.
pub(super) async fn run(database: Database, mut inbox: Inbox<Asked, Page, Arc<DatabaseError>>) {
    while let Some(batch) = inbox.next().await {
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            let asked: Vec<Asked> = part.live().copied().collect();
            if asked.len() > MOST {
                let (first, second) = part.split();
                parts.extend([second, first]);
                continue;
            }
            if asked.is_empty() {
                continue;
            }
            let query = async |connection: &_| store::newest(connection, &asked).await;
            let span = trace::Shared::start("list diaries", part.traces());
            match span.run(database.run(Lane::Diaries, query)).await {
                Ok(pages) => part.answer_each(pages.into_iter().map(Ok)),
                Err(error) => part.answer_all(Err(Arc::new(error))),
            }
        }
    }
}
