//! What every URL of the service answers, whatever the metadata endpoint does.

use reqwest::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::fixtures::{usual_container, usual_task};
use crate::helpers::{client, problem, spawn_app, spawn_without_endpoint};

#[tokio::test]
async fn without_the_variable_the_service_starts_and_says_what_is_missing() {
    let app = spawn_without_endpoint().await;
    let response = app.get("/").await;
    assert!(!response.headers().contains_key(RETRY_AFTER), "coming back later would not help");
    let body = problem(response, StatusCode::SERVICE_UNAVAILABLE, "task-metadata-not-configured").await;
    assert!(body["detail"].as_str().unwrap().contains("ECS_CONTAINER_METADATA_URI_V4"), "{body}");
}

#[tokio::test]
async fn health_and_readiness_do_not_depend_on_the_endpoint() {
    for app in [spawn_app().await, spawn_without_endpoint().await] {
        for (path, status) in [("/health", "Healthy"), ("/ready", "Ready")] {
            let response = app.get(path).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.json::<Value>().await.unwrap(), json!({"Status": status}));
        }
        assert_eq!(app.reads().await, [0, 0]);
    }
}

#[tokio::test]
async fn head_answers_like_get_without_the_body() {
    let app = spawn_app().await;
    app.endpoint_serves(&usual_container(), &usual_task()).await;
    for path in ["/", "/health", "/ready"] {
        let (get, head) = (app.get(path).await, app.request(Method::HEAD, path).await);
        assert_eq!(head.status(), StatusCode::OK);
        assert_eq!(head.headers()[CONTENT_TYPE], get.headers()[CONTENT_TYPE]);
        assert!(head.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_404_problem() {
    let app = spawn_app().await;
    for path in ["/nothing", "/health/", "//", "/v4/task"] {
        problem(app.get(path).await, StatusCode::NOT_FOUND, "not-found").await;
    }
}

#[tokio::test]
async fn a_wrong_method_is_a_405_problem_that_says_which_are_right() {
    let app = spawn_app().await;
    for path in ["/", "/health", "/ready"] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let response = app.request(method, path).await;
            assert_eq!(response.headers()[ALLOW], "GET, HEAD");
            problem(response, StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed").await;
        }
    }
    assert_eq!(app.reads().await, [0, 0]);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_413_problem() {
    let app = spawn_app().await;
    let response = client().get(app.url("/")).body(vec![b'x'; 1 << 20]).send().await.unwrap();
    problem(response, StatusCode::PAYLOAD_TOO_LARGE, "body-too-large").await;
    assert_eq!(app.reads().await, [0, 0]);
    assert_eq!(app.get("/health").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_documentation_is_served_from_the_binary_itself() {
    let app = spawn_app().await;
    let redirect = app.get("/docs").await;
    assert!(redirect.status().is_redirection(), "{}", redirect.status());
    assert_eq!(redirect.headers()["location"], "/docs/");
    let page = app.get("/docs/").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().contains("swagger-ui"));
    assert_eq!(app.get("/docs/swagger-ui-bundle.js").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_api_description_names_every_path_and_every_kind_of_answer() {
    let app = spawn_app().await;
    let openapi: Value = app.get("/openapi.json").await.json().await.unwrap();
    let paths: Vec<_> = openapi["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/", "/health", "/metrics", "/ready"]);
    let identity = &openapi["components"]["schemas"]["TaskIdentity"]["properties"];
    for key in ["TaskArn", "Cluster", "LaunchType", "ServiceName", "IpAddress"] {
        assert!(identity[key].is_object(), "{key}: {identity}");
    }
    let unavailable = &openapi["paths"]["/"]["get"]["responses"]["503"];
    assert_eq!(
        unavailable["content"]["application/problem+json"]["schema"]["$ref"], "#/components/schemas/Problem",
        "{unavailable}"
    );
    assert!(openapi["components"]["schemas"]["Problem"].is_object());
}
