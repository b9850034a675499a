//! The service's own view of the database, and of its pool.

use std::time::Duration;

use tokio::time::timeout;

use crate::database::Database;
use crate::doctor::causes::{MIGRATION_FAILED, NOT_READY, POOL_USED_UP};
use crate::doctor::walk::{Fault, Found};

/// Two attempts of the service to reach the database.
const SETTLE_LIMIT: Duration = Duration::from_millis(1200);
/// The time in which a connection of the pool should become free.
const FREE_LIMIT: Duration = Duration::from_millis(200);

/// Every earlier stage has just used the database: compares that with what the service says.
pub(super) async fn ready(service: &Database) -> Result<Found<()>, Fault> {
    // It tries again every half second, so it may not have noticed a repair yet.
    if timeout(SETTLE_LIMIT, service.availability().until(true)).await.is_ok() {
        return Ok(free(service).await);
    }
    match service.availability().loss() {
        Some(loss) => {
            let cause = if loss.by_migration { &MIGRATION_FAILED } else { &NOT_READY };
            Err(Fault::new(cause, &*loss.cause))
        }
        None => Ok(Found::new((), "the service is making its first connection")),
    }
}

async fn free(service: &Database) -> Found<()> {
    if service.has_free_connection(FREE_LIMIT).await {
        return Found::new((), "the service uses the database");
    }
    let (shared, limit) = (service.shared_connections(), FREE_LIMIT.as_millis());
    let evidence = format!("of {shared} connections for single requests, none became free within {limit} ms");
    Found::warning((), Fault::new(&POOL_USED_UP, evidence))
}
