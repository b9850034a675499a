//! A browser without a script: it keeps a cookie and sends forms.

use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};

use crate::diary::BOUNDARY;
use crate::helpers::App;
use crate::people::PASSWORD;

/// A browser with the cookie of a session, or none.
pub struct Browser<'a> {
    pub app: &'a App,
    pub token: Option<String>,
}

impl<'a> Browser<'a> {
    pub fn new(app: &'a App) -> Self {
        Self { app, token: None }
    }

    /// One in which somebody has signed up as `<name>@example.com`.
    pub async fn signed_up(app: &'a App, name: &str) -> Self {
        let mut browser = Self::new(app);
        let person = [("name", name), ("email", &format!("{name}@example.com")), ("password", PASSWORD)];
        assert_eq!(browser.submit("/app/sign-up", &person).await, "/app");
        browser
    }

    pub async fn send(&mut self, request: reqwest::RequestBuilder) -> Response {
        let request = match &self.token {
            Some(token) => request.header("cookie", format!("__Host-session={token}")),
            None => request,
        };
        let response = request.send().await.unwrap();
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            let value = cookie.to_str().unwrap().strip_prefix("__Host-session=").unwrap();
            let value = value.split(';').next().unwrap();
            self.token = (!value.is_empty()).then(|| value.to_owned());
        }
        response
    }

    pub async fn get(&mut self, path: &str) -> Response {
        self.send(self.app.prepare(Method::GET, path)).await
    }

    pub async fn html(&mut self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.unwrap()
    }

    async fn send_form(&mut self, path: &str, kind: &str, body: Vec<u8>) -> Response {
        let request = self.app.prepare(Method::POST, path).body(body).header("content-type", kind);
        self.send(request.header("sec-fetch-site", "same-origin")).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send_form(path, "application/x-www-form-urlencoded", form.into()).await
    }

    /// Sends a form with parts.
    pub async fn post_parts(&mut self, path: &str, body: Vec<u8>) -> Response {
        self.send_form(path, &format!("multipart/form-data; boundary={BOUNDARY}"), body).await
    }

    /// Sends a form that must be accepted, and returns where the browser is sent.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
        let response = self.post(path, fields).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{path}: {:?}", self.app.service.logs());
        location(&response)
    }

    /// Sends a form that must be refused, and returns the page.
    pub async fn refused(&mut self, path: &str, fields: &[(&str, &str)], status: StatusCode) -> String {
        let response = self.post(path, fields).await;
        assert_eq!(response.status(), status, "{path}");
        assert!(!response.headers().contains_key(LOCATION) && !response.headers().contains_key(SET_COOKIE));
        response.text().await.unwrap()
    }
}

/// Where a response leads.
pub fn location(response: &Response) -> String {
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}

/// The part of `page` from `start` to the next `end`.
pub fn between<'p>(page: &'p str, start: &str, end: &str) -> &'p str {
    let rest = page.split_once(start).unwrap_or_else(|| panic!("no {start} in {page}")).1;
    rest.split_once(end).unwrap().0
}

/// Where the form that writes an entry is sent.
pub fn action(page: &str) -> String {
    let action = between(page, "action=\"/app/diary?", "\"").replace("&amp;", "&");
    format!("/app/diary?{action}")
}
