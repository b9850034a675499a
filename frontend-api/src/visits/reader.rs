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
    use std::collections::BTreeMap;
    use std::time::Duration;

    use causeway_common::config::Vars;
    use causeway_common::tasks::Place;

    use super::super::table::TableName;
    use super::*;
    use crate::batch;
    use crate::database::{CredentialsProvider, Database, DatabaseConfig};

    #[tokio::test]
    async fn a_list_whose_callers_have_left_is_not_read() {
        let nowhere = BTreeMap::from([("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none?sslmode=disable")]);
        let mut vars = Vars::new(&nowhere);
        let loaded = DatabaseConfig::load(&mut vars);
        let (config, source) = vars.finish(loaded).unwrap();
        let credentials = CredentialsProvider::new(source, Arc::default());
        let database = Database::new(Arc::new(config), Arc::new(credentials), Place::default());
        let (callers, inbox) = batch::shared(1, Duration::ZERO);
        // Its deadline has passed when it is queued.
        callers.submit((), trace::Context::default()).await.unwrap_err();
        drop(callers);
        run(Store::new(database.clone(), &TableName::default()), inbox).await;
        // A query would have noticed that there is no database.
        assert!(database.availability().loss().is_none());
    }
}
