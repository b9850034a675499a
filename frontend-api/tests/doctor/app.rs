//! The service itself, whose doctor is asked over HTTP.

use causeway_common::http::client;
use causeway_testing::service::Service;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use crate::helpers::{BINARY, PATIENCE, eventually};

pub struct App {
    pub service: Service,
    pub client: Client,
}

impl App {
    pub async fn spawn(env: &[(&str, &str)]) -> Self {
        let service = Service::spawn(BINARY, env.iter().copied()).await;
        let client = client::builder(PATIENCE).timeout(PATIENCE).build().unwrap();
        Self { service, client }
    }

    /// Its database is there, and its first report is in the log.
    pub async fn ready(env: &[(&str, &str)]) -> Self {
        let app = Self::spawn(env).await;
        eventually("ready", async || (app.get("/ready", &[]).await.status() == StatusCode::OK).then_some(())).await;
        app.report_logged(0).await;
        app
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = self.client.get(format!("{}{path}", self.service.base_url()));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap()
    }

    pub async fn test_connection(&self, headers: &[(&str, &str)]) -> Response {
        self.get("/test-connection", headers).await
    }

    pub async fn report(&self) -> Value {
        self.test_connection(&[]).await.json().await.unwrap()
    }

    /// The log's report with this number, past or to come.
    pub async fn report_logged(&self, number: usize) -> Value {
        self.service.wait_for_log(is_report, PATIENCE).await;
        eventually("a report in the log", async || self.service.logs().into_iter().filter(is_report).nth(number)).await
    }
}

fn is_report(line: &Value) -> bool {
    line["message"].as_str().is_some_and(|message| message.starts_with("doctor: "))
}
