//! Requests that a page of another site makes a browser send.

use reqwest::header::SET_COOKIE;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::helpers::{PATIENCE, count, problem, spawn_app};
use crate::people::{PASSWORD, Person};

#[tokio::test]
async fn another_site_can_neither_sign_a_visitor_in_nor_up_whether_or_not_there_is_a_session() {
    let (app, database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    for path in ["/sessions", "/users"] {
        for headers in
            [&[("sec-fetch-site", "cross-site")][..], &[("sec-fetch-site", "same-site")], &[("origin", "null")]]
        {
            for cookie in [None, Some(format!("__Host-session={}", person.token))] {
                let body = json!({"email": person.email, "password": PASSWORD});
                let mut request = app.prepare(Method::POST, path).json(&body);
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                if let Some(cookie) = cookie {
                    request = request.header("cookie", cookie);
                }
                let response = request.send().await.unwrap();
                assert!(!response.headers().contains_key(SET_COOKIE));
                problem(response, StatusCode::FORBIDDEN, "cross-site").await;
            }
        }
    }
    let refused = |line: &serde_json::Value| line["target"] == "security" && line["event"] == "cross_site_refused";
    app.service.wait_for_log(refused, PATIENCE).await;
    let client = database.client().await;
    assert_eq!((count(&client, "users").await, count(&client, "sessions").await), (1, 1));
}

#[tokio::test]
async fn another_site_changes_nothing_with_a_visitors_cookie() {
    let (app, _database) = spawn_app().await;
    let person = Person::new(&app, "jane").await;
    for (method, path) in
        [(Method::PUT, &*person.path()), (Method::DELETE, &person.path()), (Method::DELETE, "/sessions/current")]
    {
        let request = app.prepare(method, path).header("cookie", format!("__Host-session={}", person.token));
        let request = request.header("sec-fetch-site", "cross-site").json(&json!({"name": "x"}));
        problem(request.send().await.unwrap(), StatusCode::FORBIDDEN, "cross-site").await;
    }
    let request = app.prepare(Method::GET, "/sessions").header("cookie", format!("__Host-session={}", person.token));
    assert_eq!(request.header("sec-fetch-site", "cross-site").send().await.unwrap().status(), StatusCode::OK);
}
