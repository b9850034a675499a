use std::sync::{Arc, Mutex};

use causeway_local::postgres::{Error, Options, Postgres};
use tokio_postgres::Client;

use super::{connect, within_limit};

/// A PostgreSQL server of one test's own, to break: a child process with its data in a temporary directory.
///
/// Its port stays the same over restarts. Dropping it stops it and removes the data.
#[derive(Debug, Clone)]
pub struct OwnPostgres {
    server: Arc<Mutex<Postgres>>,
    url: String,
    port: u16,
}

impl OwnPostgres {
    /// Starts a server and waits until it takes connections.
    pub async fn start() -> Self {
        let starting = tokio::task::spawn_blocking(|| {
            let options = Options { keep: false, max_connections: 100, tell: &|_| {} };
            Postgres::start(&options).unwrap_or_else(|error| panic!("{error}"))
        });
        let server = starting.await.expect("PostgreSQL starts");
        let (url, port) = (server.url(), server.port());
        Self { server: Arc::new(Mutex::new(server)), url, port }
    }

    /// The superuser's connection string, to the database `postgres`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills every process of the server at once, as a crash. What was committed is there after [`Self::restart`].
    pub async fn kill(&self) {
        self.change("killed", Postgres::kill).await;
    }

    /// Stops the server in order; clients see SQLSTATE 57P01.
    pub async fn stop(&self) {
        self.change("stopped", Postgres::stop).await;
    }

    /// Starts the server again with the same data on the same port, and waits until it takes connections.
    pub async fn restart(&self) {
        self.change("restarted", Postgres::restart).await;
    }

    /// Ends all connections but the one that asks for it; says how many there were.
    pub async fn terminate_backends(&self) -> usize {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let client = self.client().await;
        within_limit(sql, client.query(sql, &[])).await.len()
    }

    /// Runs SQL, also several statements.
    pub async fn execute(&self, sql: &str) {
        let client = self.client().await;
        within_limit(sql, client.batch_execute(sql)).await;
    }

    /// A new connection, for assertions.
    pub async fn client(&self) -> Client {
        connect(&self.url).await
    }

    /// On a thread for blocking work, so that the test's load goes on meanwhile.
    async fn change(&self, how: &str, change: fn(&mut Postgres) -> Result<(), Error>) {
        let server = Arc::clone(&self.server);
        let changing = tokio::task::spawn_blocking(move || change(&mut server.lock().expect("no change has panicked")));
        if let Err(error) = changing.await.expect("a change does not panic") {
            panic!("PostgreSQL was not {how}: {error}");
        }
    }
}
