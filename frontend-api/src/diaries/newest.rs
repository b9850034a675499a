//! Lists of diaries: all requests that wait share one query.

use std::sync::Arc;

use super::store::{self, Asked, Diary};
use crate::batch::Inbox;
use crate::database::{Database, DatabaseError, Lane};

/// Lists in one query. More would need too much memory: a list can have 100 texts.
const MOST: usize = 64;

/// Ends when no request can be submitted any more.
pub(super) async fn run(database: Database, mut inbox: Inbox<Asked, Vec<Diary>, Arc<DatabaseError>>) {
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
            match database.run(Lane::Diaries, query).await {
                Ok(lists) => part.answer_each(lists.into_iter().map(Ok)),
                Err(error) => part.answer_all(Err(Arc::new(error))),
            }
        }
    }
}
