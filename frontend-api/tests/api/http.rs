//! What every URL has in common.

use reqwest::header::{ALLOW, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::helpers::{client, problem, spawn_app, spawn_without_database, unavailable};

#[tokio::test]
async fn health_is_answered_as_system_a_answers_it() {
    let (app, _database) = spawn_app().await;
    let response = app.health().await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"Status": "Healthy"}));
    let response = app.ready().await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"Status": "Ready"}));
}

#[tokio::test]
async fn without_a_database_the_service_is_healthy_and_not_ready() {
    let app = spawn_without_database(&[]).await;
    assert_eq!(app.health().await.status(), StatusCode::OK);
    unavailable(app.ready().await, "database-unavailable").await;
    unavailable(app.register("curl").await, "database-unavailable").await;
    unavailable(app.get("/recent-visits").await, "database-unavailable").await;
}

#[tokio::test]
async fn an_unknown_path_is_a_404_problem() {
    let app = spawn_without_database(&[]).await;
    for path in ["/nothing", "/health/", "//", "/recent-visits/1", "/%00", "/..%2f"] {
        problem(app.get(path).await, StatusCode::NOT_FOUND, "not-found").await;
        problem(app.request(Method::POST, path).await, StatusCode::NOT_FOUND, "not-found").await;
    }
}

#[tokio::test]
async fn a_request_without_a_path_is_a_404_problem_that_says_so() {
    let app = spawn_without_database(&[]).await;
    for (target, detail) in [
        ("CONNECT example.com:443", "This service is no proxy, so it has no tunnel for CONNECT."),
        ("OPTIONS *", "The request names no path of this service; see /docs for its paths."),
    ] {
        let request = format!("{target} HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n");
        let answer = app.send_raw(request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 404 "), "{answer}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["detail"], detail);
    }
}

#[tokio::test]
async fn a_wrong_method_is_a_405_problem_that_says_which_are_right() {
    let app = spawn_without_database(&[]).await;
    let read_only = ["/recent-visits", "/ecs-private-service", "/health", "/ready", "/openapi.json"];
    for (path, allowed) in read_only.map(|path| (path, "GET, HEAD")).into_iter().chain([("/", "GET")]) {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let response = app.request(method.clone(), path).await;
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(response.headers()[ALLOW], allowed, "{method} {path}");
            problem(response, StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed").await;
        }
    }
    let head = app.request(Method::HEAD, "/").await;
    assert_eq!((head.status(), &head.headers()[ALLOW]), (StatusCode::METHOD_NOT_ALLOWED, &"GET".parse().unwrap()));
}

#[tokio::test]
async fn head_answers_like_get_without_the_body_where_nothing_is_recorded() {
    let (app, _database) = spawn_app().await;
    for path in ["/recent-visits", "/health", "/ready", "/openapi.json"] {
        let (get, head) = (app.get(path).await, app.request(Method::HEAD, path).await);
        assert_eq!(head.status(), StatusCode::OK, "{path}");
        assert_eq!(head.headers()[CONTENT_TYPE], get.headers()[CONTENT_TYPE]);
        assert!(head.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let (app, _database) = spawn_app().await;
    for path in ["/", "/recent-visits", "/health", "/nothing", "/ecs-private-service", "/openapi.json", "/docs/"] {
        let response = app.get(path).await;
        let header = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap());
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert!(header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(header("server"), "", "{path}");
        assert_eq!(header("strict-transport-security"), "", "{path}");
    }
}

#[tokio::test]
async fn who_comes_by_https_is_told_to_come_by_nothing_else() {
    let app = spawn_without_database(&[]).await;
    for (protocol, expected) in [("https", Some("max-age=31536000")), ("http", None)] {
        let response = client().get(app.url("/health")).header("x-forwarded-proto", protocol).send().await.unwrap();
        let sent = response.headers().get("strict-transport-security").map(|value| value.to_str().unwrap());
        assert_eq!(sent, expected, "{protocol}");
    }
}

#[tokio::test]
async fn a_request_id_is_kept_or_made() {
    let app = spawn_without_database(&[]).await;
    let ask = async |id: &str| {
        let response = client().get(app.url("/health")).header("x-request-id", id).send().await.unwrap();
        response.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(ask("abc-123_4.5:6=7/8+9").await, "abc-123_4.5:6=7/8+9");
    let longest = "x".repeat(128);
    assert_eq!(ask(&longest).await, longest);

    let mut made = vec![app.health().await.headers()["x-request-id"].to_str().unwrap().to_owned()];
    for unfit in ["", "with space", "quote\"brace}", &"x".repeat(129)] {
        made.push(ask(unfit).await);
        assert_ne!(made.last().unwrap(), unfit);
    }
    // Problems have one as well.
    made.push(app.get("/nothing").await.headers()["x-request-id"].to_str().unwrap().to_owned());
    assert!(made.iter().all(|id| id.len() >= 16), "{made:?}");
    let distinct: std::collections::BTreeSet<_> = made.iter().collect();
    assert_eq!(distinct.len(), made.len(), "{made:?}");
}

#[tokio::test]
async fn a_5xx_tells_the_caller_nothing_of_its_cause() {
    let app = spawn_without_database(&[]).await;
    let cause = app.database_problem().await;
    assert!(cause.contains("refused"), "{cause}");
    for path in ["/", "/recent-visits", "/ready"] {
        let body = app.get(path).await.text().await.unwrap();
        for internal in ["refused", "127.0.0.1", "nobody", "tcp", "os error"] {
            assert!(!body.contains(internal), "{path} tells {internal}: {body}");
        }
    }
}
