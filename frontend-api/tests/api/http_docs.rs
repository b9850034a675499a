//! `/docs` and `/openapi.json`.

use causeway_testing::openapi::assert_committed;
use reqwest::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::helpers::{problem, spawn_without_database};

const ROUTES: [&str; 7] =
    ["/", "/recent-visits", "/health", "/ready", "/metrics", "/ecs-private-service", "/test-connection"];

#[tokio::test]
async fn the_documentation_is_served_from_the_binary_itself() {
    let app = spawn_without_database(&[]).await;
    let redirect = app.get("/docs").await;
    assert!(redirect.status().is_redirection(), "{}", redirect.status());
    assert_eq!(redirect.headers()[LOCATION], "/docs/");
    let page = app.get("/docs/").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self'") && !policy.contains("http"), "{policy}");
    let html = page.text().await.unwrap();
    assert!(html.contains("swagger-ui"), "{html}");

    let sources = html.split('"').filter(|text| text.starts_with("./") || text.starts_with("http"));
    let files: Vec<_> = sources.collect();
    assert!(files.len() >= 3, "{html}");
    for file in files {
        let name = file.strip_prefix("./").unwrap_or_else(|| panic!("{file} is on another host"));
        assert_eq!(app.get(&format!("/docs/{name}")).await.status(), StatusCode::OK, "{file}");
    }
    let script = app.get("/docs/swagger-initializer.js").await.text().await.unwrap();
    assert!(script.contains("/openapi.json"), "{script}");
}

#[tokio::test]
async fn what_the_documentation_lacks_is_a_problem_like_any_other() {
    let app = spawn_without_database(&[]).await;
    problem(app.get("/docs/nothing.js").await, StatusCode::NOT_FOUND, "not-found").await;
    let posted = app.request(Method::POST, "/docs/index.html").await;
    problem(posted, StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed").await;
    assert_eq!(app.request(Method::HEAD, "/docs/").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_api_description_lists_every_route() {
    let app = spawn_without_database(&[]).await;
    let openapi: Value = app.get("/openapi.json").await.json().await.unwrap();
    let paths = openapi["paths"].as_object().unwrap();
    for route in ROUTES {
        assert!(paths[route]["get"]["responses"]["200"].is_object(), "{route}");
        // And it is there.
        assert_ne!(app.get(route).await.status(), StatusCode::NOT_FOUND, "{route}");
    }
    let others: Vec<_> = paths.keys().filter(|path| !ROUTES.contains(&path.as_str())).collect();
    for path in others {
        assert_ne!(app.get(path).await.status(), StatusCode::NOT_FOUND, "{path} is described and not there");
    }
}

#[tokio::test]
async fn the_api_description_names_the_keys_of_every_answer() {
    let app = spawn_without_database(&[]).await;
    let openapi: Value = app.get("/openapi.json").await.json().await.unwrap();
    let schemas = &openapi["components"]["schemas"];
    let expected = [
        ("Registered", &["Response"][..]),
        ("RecentVisits", &["Response"]),
        ("RecentVisit", &["timestamp", "user_agent"]),
        ("PrivateServiceAnswer", &["Response"]),
        ("TaskIdentity", &["TaskArn", "Cluster", "LaunchType", "ServiceName", "IpAddress"]),
        ("Status", &["Status"]),
        ("Problem", &["type", "title", "status", "detail"]),
    ];
    for (name, keys) in expected {
        for key in keys {
            assert!(schemas[name]["properties"][key].is_object(), "{name}.{key}: {}", schemas[name]);
        }
    }
    let kinds = schemas["Problem"]["properties"]["type"]["enum"].as_array().unwrap();
    for kind in ["not-found", "queue-full", "database-unavailable", "private-service-failed", "not-the-admin-token"] {
        assert!(kinds.contains(&format!("/problems/{kind}").into()), "{kind} in {kinds:?}");
    }
    for (path, status) in [("/", "422"), ("/", "503"), ("/recent-visits", "503"), ("/ecs-private-service", "504")] {
        let content = &openapi["paths"][path]["get"]["responses"][status]["content"];
        let reference = &content["application/problem+json"]["schema"]["$ref"];
        assert_eq!(reference, "#/components/schemas/Problem", "{path} {status}");
    }
}

#[tokio::test]
async fn the_committed_openapi_document_is_the_served_one() {
    let app = spawn_without_database(&[]).await;
    assert_committed("frontend-api", &app.get("/openapi.json").await.json().await.unwrap());
}
