//! The service and its database, ready to be asked.

use std::ops::{Deref, DerefMut};
use std::path::Path;

use causeway_testing::app;
pub use causeway_testing::app::{PATIENCE, client, eventually, problem, read_to_end, unavailable};
use causeway_testing::postgres::TestDatabase;
use reqwest::header::USER_AGENT;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

pub const BINARY: &str = env!("CARGO_BIN_EXE_frontend-api");
/// A database that is not there, for tests that need none.
pub const NO_DATABASE: &str = "postgres://nobody@127.0.0.1:1/none?sslmode=disable";
/// What a slow test machine must not run into; a test of a limit sets that one itself.
const GENEROUS: [(&str, &str); 4] = [
    ("DB_CONNECT_TIMEOUT_MS", "15000"),
    ("DB_QUERY_TIMEOUT_MS", "15000"),
    ("REQUEST_TIMEOUT_MS", "15000"),
    ("PRIVATE_SERVICE_TIMEOUT_MS", "15000"),
];

/// What tests of this service ask of it, besides what they ask of any.
pub struct App(app::App);

/// The service with a database of its own, ready.
pub async fn spawn_app() -> (App, TestDatabase) {
    spawn_app_with(&[]).await
}

/// The same with further variables.
pub async fn spawn_app_with(env: &[(&str, &str)]) -> (App, TestDatabase) {
    let database = TestDatabase::create().await;
    let app = App::spawn(&with_url(database.url(), env)).await;
    app.until_ready().await;
    (app, database)
}

/// The service without a database.
pub async fn spawn_without_database(env: &[(&str, &str)]) -> App {
    App::spawn(&with_url(NO_DATABASE, env)).await
}

/// `env` and this `DATABASE_URL`.
pub fn with_url<'a>(url: &'a str, env: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("DATABASE_URL", url)], env].concat()
}

impl Deref for App {
    type Target = app::App;

    fn deref(&self) -> &app::App {
        &self.0
    }
}

impl DerefMut for App {
    fn deref_mut(&mut self) -> &mut app::App {
        &mut self.0
    }
}

impl App {
    /// Started and listening; its database may not be there yet.
    pub async fn spawn(env: &[(&str, &str)]) -> Self {
        Self::spawn_program(Path::new(BINARY), env).await
    }

    /// The same by another program, which runs the service in the end.
    pub async fn spawn_program(program: &Path, env: &[(&str, &str)]) -> Self {
        Self(app::App::spawn(program, GENEROUS.iter().chain(env).copied()).await)
    }

    /// Sends JSON as the bearer of `token`.
    pub async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Response {
        let mut request = self.client.request(method, self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// A request to be completed by the test.
    pub fn prepare(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// `GET /` as this user agent.
    pub async fn register(&self, user_agent: &str) -> Response {
        self.client.get(self.url("/")).header(USER_AGENT, user_agent).send().await.unwrap()
    }

    /// `GET /`, which must succeed.
    pub async fn registered(&self, user_agent: &str) {
        let response = self.register(user_agent).await;
        assert_eq!(response.status(), StatusCode::OK, "{:?}", self.service.logs());
    }

    /// `GET /recent-visits`, which must succeed: the user agents and timestamps.
    pub async fn recent_visits(&self) -> Vec<Value> {
        let response = self.get("/recent-visits").await;
        assert_eq!(response.status(), StatusCode::OK, "{:?}", self.service.logs());
        let body: Value = response.json().await.unwrap();
        body["Response"].as_array().unwrap().clone()
    }

    pub async fn health(&self) -> Response {
        self.get("/health").await
    }

    pub async fn ready(&self) -> Response {
        self.get("/ready").await
    }

    pub async fn private_service(&self) -> Response {
        self.get("/ecs-private-service").await
    }

    /// Waits until `/ready` succeeds.
    pub async fn until_ready(&self) {
        self.until_ready_is(StatusCode::OK).await;
    }

    /// Waits until `/ready` answers this.
    pub async fn until_ready_is(&self, status: StatusCode) {
        eventually(&format!("/ready {status}"), async || (self.ready().await.status() == status).then_some(())).await;
    }

    /// Sends visits until the service has noticed that its database is of no use: it asks the database for nothing else.
    pub async fn until_it_notices(&self) {
        eventually("the service is not ready", async || {
            self.register("to make it notice").await;
            (self.ready().await.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
        })
        .await;
    }

    /// Waits until the service says in its log why the database is not available; returns that.
    pub async fn database_problem(&self) -> String {
        let tells = |line: &Value| line["message"] == "trying the database again";
        let line = self.service.wait_for_log(tells, PATIENCE).await;
        line["cause"].as_str().expect("the log tells the cause").to_owned()
    }

    /// Waits until the doctor has had its look at start, for tests that count what others are asked for.
    pub async fn until_examined(&self) {
        let report = |line: &Value| line["message"].as_str().is_some_and(|message| message.starts_with("doctor: "));
        self.service.wait_for_log(report, PATIENCE).await;
    }
}

/// How many rows the table has.
pub async fn count(client: &tokio_postgres::Client, table: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
}

/// Waits until this many INSERTs of visits wait for a lock. The doctor's own at start may wait for it as well, and is none of them.
pub async fn until_blocked(client: &tokio_postgres::Client, sessions: i64) {
    until_waiting(client, "INSERT INTO \"access\"", sessions).await;
}

/// Waits until this many statements that begin so wait for a lock.
pub async fn until_waiting(client: &tokio_postgres::Client, statement: &str, sessions: i64) {
    // Within a transaction the view shows what it showed at first, unless it is told to look again.
    let look_again = "SELECT pg_stat_clear_snapshot()";
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE datname = current_database() AND wait_event_type = 'Lock' AND starts_with(query, $1)";
    let enough = async || {
        client.batch_execute(look_again).await.unwrap();
        (client.query_one(sql, &[&statement]).await.unwrap().get::<_, i64>(0) >= sessions).then_some(())
    };
    eventually("a statement waits for the lock", enough).await;
}
