//! `/ecs-private-service`: what the private service says, and every way in which it can fail.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::helpers::{App, problem, spawn_without_database, unavailable};

fn identity() -> Value {
    json!({
        "TaskArn": "arn:aws:ecs:us-east-1:123456789012:task/demo/1f3a", "Cluster": "demo", "LaunchType": "FARGATE",
        "ServiceName": "privateservice", "IpAddress": "10.0.1.23",
    })
}

fn answering(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// From now on the private service answers so.
async fn answers(server: &MockServer, answer: ResponseTemplate) {
    server.reset().await;
    Mock::given(method("GET")).and(path("/")).respond_with(answer).mount(server).await;
}

async fn spawn(env: &[(&str, &str)]) -> (App, MockServer) {
    let server = MockServer::start().await;
    answers(&server, answering(&identity())).await;
    let uri = server.uri();
    let app = spawn_without_database(&[&[("ECSPRIVATESERVICE", uri.as_str())], env].concat()).await;
    (app, server)
}

async fn assert_recovers(app: &App, server: &MockServer) {
    answers(server, answering(&identity())).await;
    let response = app.private_service().await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"Response": identity()}));
}

#[tokio::test]
async fn its_identity_is_passed_on_as_json_and_needs_no_database() {
    let (app, _server) = spawn(&[]).await;
    let response = app.private_service().await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"Response": identity()}));
}

#[tokio::test]
async fn what_it_does_not_know_is_null() {
    let (app, server) = spawn(&[]).await;
    let nothing = json!({"TaskArn": null, "Cluster": null, "LaunchType": null, "ServiceName": null, "IpAddress": null});
    answers(&server, answering(&nothing)).await;
    assert_eq!(app.private_service().await.json::<Value>().await.unwrap(), json!({"Response": nothing}));
}

#[tokio::test]
async fn a_newer_private_service_may_say_more() {
    let (app, server) = spawn(&[]).await;
    let mut more = identity();
    more["AvailabilityZone"] = json!("us-east-1a");
    answers(&server, answering(&more)).await;
    assert_eq!(app.private_service().await.json::<Value>().await.unwrap(), json!({"Response": identity()}));
}

#[tokio::test]
async fn the_path_of_its_url_is_asked() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).and(path("/inner/identity")).respond_with(answering(&identity())).mount(&server).await;
    let url = format!("{}/inner/identity", server.uri());
    let app = spawn_without_database(&[("ECSPRIVATESERVICE", &url)]).await;
    assert_eq!(app.private_service().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn without_a_url_the_answer_says_which_variable_is_missing() {
    let app = spawn_without_database(&[]).await;
    let body = problem(app.private_service().await, StatusCode::SERVICE_UNAVAILABLE, "private-service-not-configured");
    assert!(body.await["detail"].as_str().unwrap().contains("ECSPRIVATESERVICE"));
}

#[tokio::test]
async fn while_it_is_down_it_is_a_502_and_afterwards_all_is_well() {
    let port = causeway_testing::ports::free().unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let app = spawn_without_database(&[("ECSPRIVATESERVICE", &url)]).await;
    problem(app.private_service().await, StatusCode::BAD_GATEWAY, "private-service-unreachable").await;
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let server = MockServer::builder().listener(listener).start().await;
    assert_recovers(&app, &server).await;
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_502() {
    let app = spawn_without_database(&[("ECSPRIVATESERVICE", "http://private.invalid:8080")]).await;
    problem(app.private_service().await, StatusCode::BAD_GATEWAY, "private-service-unreachable").await;
    assert_eq!(app.health().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn while_it_is_slow_it_is_a_504_and_afterwards_all_is_well() {
    let (app, server) = spawn(&[("PRIVATE_SERVICE_TIMEOUT_MS", "500")]).await;
    answers(&server, answering(&identity()).set_delay(Duration::from_secs(60))).await;
    problem(app.private_service().await, StatusCode::GATEWAY_TIMEOUT, "private-service-timed-out").await;
    answers(&server, answering(&identity())).await;
    crate::helpers::eventually("an answer in time", async || {
        (app.private_service().await.status() == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_begins_and_never_ends_is_a_504() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = spawn_without_database(&[("ECSPRIVATESERVICE", &url), ("PRIVATE_SERVICE_TIMEOUT_MS", "500")]).await;
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                // Then nothing more, until the client gives up.
                while connection.read(&mut [0; 4096]).await.is_ok_and(|count| count > 0) {
                    let beginning = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"TaskArn\":";
                    let _ = connection.write_all(beginning).await;
                }
            });
        }
    });
    problem(app.private_service().await, StatusCode::GATEWAY_TIMEOUT, "private-service-timed-out").await;
}

#[tokio::test]
async fn rubbish_is_a_502_and_never_passed_on() {
    let (app, server) = spawn(&[]).await;
    let rubbish = ["", "<html>rubbish</html>", "[1, 2]", "\"text\"", "{\"TaskArn\": 7}", "{\"TaskArn\": \"unfinished"];
    for body in rubbish {
        answers(&server, ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
        let body = problem(app.private_service().await, StatusCode::BAD_GATEWAY, "private-service-failed").await;
        assert!(!body.to_string().contains("rubbish"), "{body}");
    }
    assert_recovers(&app, &server).await;
}

#[tokio::test]
async fn a_json_object_without_any_of_the_keys_is_rubbish_too() {
    let (app, server) = spawn(&[]).await;
    answers(&server, answering(&json!({"message": "hello"}))).await;
    problem(app.private_service().await, StatusCode::BAD_GATEWAY, "private-service-failed").await;
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_a_502_and_not_read_to_its_end() {
    let (app, server) = spawn(&[]).await;
    let mut long = identity();
    long["Cluster"] = json!("x".repeat(8 << 20));
    answers(&server, answering(&long)).await;
    problem(app.private_service().await, StatusCode::BAD_GATEWAY, "private-service-failed").await;
    assert_recovers(&app, &server).await;
}

#[tokio::test]
async fn its_own_errors_are_a_502() {
    let (app, server) = spawn(&[]).await;
    for status in [500, 503, 404, 204, 302, 429] {
        let answer = ResponseTemplate::new(status).insert_header("location", server.uri().as_str());
        answers(&server, answer.set_body_string("internal detail")).await;
        let body = problem(app.private_service().await, StatusCode::BAD_GATEWAY, "private-service-failed").await;
        assert!(!body.to_string().contains("internal detail"));
    }
    assert_recovers(&app, &server).await;
}

#[tokio::test]
async fn its_failures_are_logged_with_their_cause_and_say_when_to_come_back() {
    let (app, server) = spawn(&[]).await;
    answers(&server, ResponseTemplate::new(500)).await;
    let response = app.private_service().await;
    assert_eq!(response.headers()["retry-after"], "1");
    let line = app.access_line("/ecs-private-service").await;
    assert!(line["cause"].as_str().is_some_and(|cause| cause.contains("500")), "{line}");
    unavailable(app.ready().await, "database-unavailable").await;
}

#[tokio::test]
async fn nothing_of_the_callers_request_is_passed_on() {
    let (app, server) = spawn(&[]).await;
    app.until_examined().await;
    answers(&server, answering(&identity())).await;
    let request = crate::helpers::client().get(app.url("/ecs-private-service?a=b"));
    request.header("cookie", "a=b").header("authorization", "Bearer x").send().await.unwrap();
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].url.query(), None);
    for name in ["cookie", "authorization"] {
        assert!(!requests[0].headers.contains_key(name), "{name}");
    }
}
