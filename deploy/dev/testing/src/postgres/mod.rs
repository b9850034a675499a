//! PostgreSQL for tests: a fresh database for each on a server that all share, or a separate server for a test that
//! breaks it.

mod database;
mod own;
mod tls;

pub use database::TestDatabase;
pub use own::OwnPostgres;
use std::time::Duration;
pub use tls::Authority;
use tokio_postgres::{Client, Config, NoTls};

/// No step of a test's plumbing may take longer.
const ADMIN_LIMIT: Duration = Duration::from_secs(30);

/// A connection for assertions. It closes when the client is dropped.
pub async fn connect(url: &str) -> Client {
    let config: Config = url.parse().unwrap_or_else(|error| panic!("{url:?} is no connection string: {error}"));
    let (client, connection) = within_limit("connecting", config.connect(NoTls)).await;
    // The client's user gets the connection's error.
    tokio::spawn(async move { connection.await.ok() });
    client
}

async fn within_limit<T>(what: &str, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> T {
    let result = tokio::time::timeout(ADMIN_LIMIT, work).await;
    let result = result.unwrap_or_else(|_| panic!("{what}: nothing within {} s", ADMIN_LIMIT.as_secs()));
    result.unwrap_or_else(|error| panic!("{what}: {}", describe(&error)))
}

/// The library's own text says only "db error".
fn describe(error: &tokio_postgres::Error) -> String {
    use std::error::Error;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
