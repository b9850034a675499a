//! The service and its metadata endpoint, ready to be asked.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use causeway_testing::app;
pub use causeway_testing::app::{PATIENCE, client, eventually, problem};
use reqwest::StatusCode;
use serde_json::Value;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub const BINARY: &str = env!("CARGO_BIN_EXE_private-service");
const CONTAINER: &str = "/v4/3c9d5b1e-own";
const TASK: &str = "/v4/3c9d5b1e-own/task";

pub struct App {
    app: app::App,
    pub endpoint: MockServer,
}

impl Deref for App {
    type Target = app::App;

    fn deref(&self) -> &app::App {
        &self.app
    }
}

impl DerefMut for App {
    fn deref_mut(&mut self) -> &mut app::App {
        &mut self.app
    }
}

/// The service with a metadata endpoint that answers 404 to everything until told otherwise.
pub async fn spawn_app() -> App {
    spawn_app_with(&[]).await
}

/// The same with further variables.
pub async fn spawn_app_with(env: &[(&str, &str)]) -> App {
    let endpoint = MockServer::start().await;
    let uri = format!("{}{CONTAINER}", endpoint.uri());
    // Not throttled by the test machine: the default second is for a link-local address.
    let base = [("ECS_CONTAINER_METADATA_URI_V4", uri.as_str()), ("METADATA_TIMEOUT_MS", "10000")];
    let app = app::App::spawn(BINARY, base.iter().chain(env).copied()).await;
    App { app, endpoint }
}

/// The service without any metadata endpoint.
pub async fn spawn_without_endpoint() -> App {
    let app = app::App::spawn(BINARY, [("LOG_FORMAT", "json")]).await;
    App { app, endpoint: MockServer::start().await }
}

impl App {
    /// `GET /`, which must succeed.
    pub async fn identity(&self) -> Value {
        let response = self.get("/").await;
        assert_eq!(response.status(), StatusCode::OK, "{:?}", self.service.logs());
        response.json().await.unwrap()
    }

    /// `GET /`, which must be a 503 to try again later. Returns what only the log tells.
    pub async fn identity_unavailable(&self) -> String {
        let response = self.get("/").await;
        let problem = app::unavailable(response, "task-metadata-unavailable").await;
        let line = self.service.wait_for_log(|line| line["target"] == "access", PATIENCE).await;
        let cause = line["cause"].as_str().expect("the access log tells the cause").to_owned();
        assert!(!problem.to_string().contains(&cause), "the caller is not told the cause");
        cause
    }

    /// From now on the endpoint answers with these documents.
    pub async fn endpoint_serves(&self, container: &Value, task: &Value) {
        let json = |document: &Value| ResponseTemplate::new(200).set_body_json(document);
        self.endpoint_answers(json(container), json(task)).await;
    }

    /// From now on the endpoint answers like this, and has not been asked yet.
    pub async fn endpoint_answers(&self, container: ResponseTemplate, task: ResponseTemplate) {
        self.endpoint.reset().await;
        self.mount([container, task], |mock| mock).await;
    }

    /// The first answers for both documents, before those that the endpoint was told to give.
    pub async fn endpoint_first_answers(&self, container: ResponseTemplate, task: ResponseTemplate) {
        self.mount([container, task], |mock| mock.up_to_n_times(1).with_priority(1)).await;
    }

    async fn mount(&self, answers: [ResponseTemplate; 2], qualified: impl Fn(Mock) -> Mock) {
        for (url, answer) in [CONTAINER, TASK].into_iter().zip(answers) {
            let mock = Mock::given(method("GET")).and(path(url)).respond_with(answer);
            qualified(mock).mount(&self.endpoint).await;
        }
    }

    /// From now on the endpoint fails like this, and has not been asked yet.
    pub async fn endpoint_fails(&self, answer: ResponseTemplate) {
        self.endpoint_answers(answer.clone(), answer).await;
    }

    /// How often each of both documents was asked for since the endpoint's answers were set.
    pub async fn reads(&self) -> [usize; 2] {
        let requests = self.endpoint.received_requests().await.unwrap();
        [CONTAINER, TASK].map(|url| requests.iter().filter(|request| request.url.path() == url).count())
    }

    /// Asks for the identity, which must be there each time, until the endpoint's new answers were taken in: a second
    /// read begins only after the first has ended.
    pub async fn ask_until_read_twice(&self) -> Vec<Value> {
        let started = Instant::now();
        let mut answers = Vec::new();
        while self.reads().await.into_iter().max() < Some(2) {
            assert!(started.elapsed() < PATIENCE, "the endpoint is not read again: {:?}", self.reads().await);
            answers.push(self.identity().await);
        }
        answers
    }

    /// Asks for the identity until the answer is as `expected` says; each answer is a request, so this needs no sleep.
    pub async fn ask_until(&self, expected: impl Fn(StatusCode, &Value) -> bool) {
        let started = Instant::now();
        loop {
            let response = self.get("/").await;
            let status = response.status();
            let body = response.json().await.unwrap();
            if expected(status, &body) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "still {status} {body}");
        }
    }
}
