//! Users for tests, and what they send.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::helpers::App;

pub const PASSWORD: &str = "correct horse battery";

/// A user who is signed in.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: i64,
    pub email: String,
    pub token: String,
}

impl Person {
    /// Signs up and in as `<name>@example.com`.
    pub async fn new(app: &App, name: &str) -> Self {
        let email = format!("{name}@example.com");
        let created = sign_up(app, &email, PASSWORD).await;
        assert_eq!(created.status(), StatusCode::CREATED, "{:?}", app.service.logs());
        let created: Value = created.json().await.unwrap();
        let token = token_of(sign_in(app, &email, PASSWORD).await).await;
        Self { id: created["data"]["id"].as_i64().unwrap(), email, token }
    }

    pub fn path(&self) -> String {
        format!("/users/{}", self.id)
    }

    pub async fn get(&self, app: &App, path: &str) -> Response {
        app.send(Method::GET, path, Some(&self.token), None).await
    }

    pub async fn put(&self, app: &App, path: &str, body: Value) -> Response {
        app.send(Method::PUT, path, Some(&self.token), Some(body)).await
    }

    pub async fn delete(&self, app: &App, path: &str, body: Option<Value>) -> Response {
        app.send(Method::DELETE, path, Some(&self.token), body).await
    }

    /// Whether the token still belongs to a session.
    pub async fn is_signed_in(&self, app: &App) -> bool {
        is_session(app, &self.token).await
    }
}

pub async fn is_session(app: &App, token: &str) -> bool {
    match app.send(Method::GET, "/sessions", Some(token), None).await.status() {
        StatusCode::OK => true,
        StatusCode::UNAUTHORIZED => false,
        other => panic!("{other}: {:?}", app.service.logs()),
    }
}

pub async fn sign_up(app: &App, email: &str, password: &str) -> Response {
    app.send(Method::POST, "/users", None, Some(json!({"email": email, "password": password}))).await
}

pub async fn sign_in(app: &App, email: &str, password: &str) -> Response {
    app.send(Method::POST, "/sessions", None, Some(json!({"email": email, "password": password}))).await
}

/// The token of an answer that opened a session.
pub async fn token_of(response: Response) -> String {
    assert!(response.status().is_success(), "{}: {}", response.status(), response.text().await.unwrap());
    let body: Value = response.json().await.unwrap();
    body["token"].as_str().unwrap_or_else(|| panic!("no token: {body}")).to_owned()
}
