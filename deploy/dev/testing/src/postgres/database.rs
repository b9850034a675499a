use std::sync::OnceLock;

use causeway_common::random;
use causeway_local::postgres::{Options, Postgres};
use tokio_postgres::{Client, Config};

use super::{connect, within_limit};

/// Names the server that all tests of a run share; `with-postgres` sets it.
const SERVER: &str = "TEST_DATABASE_URL";

/// A database of one test's own, empty, dropped at the test's end, also when it fails.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    server: String,
    url: String,
}

impl TestDatabase {
    /// Makes a database on the server of `TEST_DATABASE_URL`; without it, on a child process of this test process.
    pub async fn create() -> Self {
        let server = tokio::task::spawn_blocking(server_url).await.expect("looking for a server does not panic");
        let name = format!("test_{}", random::hex());
        let url = with_database(&server, &name);
        let database = Self { name, server, url };
        let admin = connect(&database.server).await;
        let sql = format!("CREATE DATABASE {}", database.name);
        within_limit(&sql, admin.batch_execute(&sql)).await;
        database
    }

    /// The superuser's connection string to this database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A new connection to it, for assertions.
    pub async fn client(&self) -> Client {
        connect(&self.url).await
    }
}

impl Drop for TestDatabase {
    /// On a separate thread and runtime: this one may be ending, and its runtime can't be waited on from inside.
    #[expect(clippy::print_stderr, reason = "a second panic during the test's own would hide that one")]
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server = std::mem::take(&mut self.server);
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(async {
                let admin = connect(&server).await;
                within_limit(&sql, admin.batch_execute(&sql)).await;
            });
        });
        if dropping.join().is_err() {
            let message = format!("the database {} is left behind: the message above says why", self.name);
            if std::thread::panicking() { eprintln!("{message}") } else { panic!("{message}") }
        }
    }
}

fn server_url() -> String {
    static OWN: OnceLock<Postgres> = OnceLock::new();
    let given = std::env::var(SERVER).ok().filter(|url| !url.is_empty());
    given.unwrap_or_else(|| {
        // Never dropped, as it is a static: it stops, and its data goes, because this process ends.
        let own = OWN.get_or_init(|| {
            let options = Options { keep: false, max_connections: 300, tell: &|_| {} };
            Postgres::start(&options).unwrap_or_else(|error| panic!("{SERVER} is not set, and there is {error}"))
        });
        own.url()
    })
}

/// `url` with another database, as a string: what is tested reads strings.
fn with_database(url: &str, name: &str) -> String {
    let config: Config = url.parse().unwrap_or_else(|error| panic!("{SERVER} is no connection string: {error}"));
    let parameters = url.split_once('?').map(|(_, parameters)| format!("?{parameters}")).unwrap_or_default();
    let base = url.split('?').next().unwrap_or(url);
    let after_scheme = base.find("://").map_or(0, |at| at + 3);
    let path = base[after_scheme..].find('/').map_or(base.len(), |at| after_scheme + at);
    assert!(
        after_scheme > 0 && !config.get_hosts().is_empty(),
        "{SERVER} must have the form postgres://user:password@host/"
    );
    format!("{}/{name}{parameters}", &base[..path])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_replaced_and_the_rest_of_the_url_kept() {
        assert_eq!(with_database("postgres://u:p@h:1/postgres", "x"), "postgres://u:p@h:1/x");
        assert_eq!(with_database("postgres://u:p@h:1", "x"), "postgres://u:p@h:1/x");
        assert_eq!(with_database("postgresql://u@h/a?sslmode=disable", "x"), "postgresql://u@h/x?sslmode=disable");
    }
}
