//! Writes when sessions were last used: after the answers, at most once a minute per session, in one statement for all.

use std::collections::HashSet;
use std::time::Duration;

use causeway_common::telemetry::chain;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::store;
use super::token::TokenHash;
use crate::database::{Database, Lane};

/// Sessions in one statement. Those beyond are noted with their next request.
const MOST: usize = 1024;
/// How long a statement gathers sessions.
const PAUSE: Duration = Duration::from_secs(1);

/// Where look-ups report sessions.
pub(super) struct Seen(mpsc::Sender<TokenHash>);

impl Seen {
    pub(super) fn note(&self, tokens: impl Iterator<Item = TokenHash>) {
        for token in tokens {
            // If the queue is full, the session's next request reports it again.
            let _ = self.0.try_send(token);
        }
    }
}

pub(super) fn channel() -> (Seen, mpsc::Receiver<TokenHash>) {
    let (sender, receiver) = mpsc::channel(MOST);
    (Seen(sender), receiver)
}

/// Runs for as long as the process does.
pub(super) async fn run(database: Database, mut seen: mpsc::Receiver<TokenHash>) {
    while let Some(first) = seen.recv().await {
        sleep(PAUSE).await;
        let mut tokens = HashSet::from([first]);
        while let Ok(token) = seen.try_recv() {
            tokens.insert(token);
        }
        let tokens: Vec<TokenHash> = tokens.into_iter().collect();
        let written = database.run(Lane::Shared, async |connection| store::mark_seen(connection, &tokens).await).await;
        if let Err(error) = written {
            tracing::debug!(cause = chain(&error), "the last use of sessions could not be written");
        }
    }
    // Nothing looks sessions up any more; the process is about to end.
    std::future::pending::<()>().await;
}
