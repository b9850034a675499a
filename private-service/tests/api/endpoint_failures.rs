//! `GET /` when the metadata endpoint fails and nothing is cached: 503, the cause only in the log, and recovery.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::fixtures::{usual_container, usual_task, without};
use crate::helpers::{App, PATIENCE, spawn_app, spawn_app_with};

/// The cause that the log tells when both documents are answered like this.
async fn cause_of(answer: ResponseTemplate) -> String {
    let app = spawn_app().await;
    app.endpoint_fails(answer).await;
    app.identity_unavailable().await
}

async fn recovers(app: &App) {
    app.endpoint_serves(&usual_container(), &usual_task()).await;
    app.ask_until(|status, _| status == StatusCode::OK).await;
}

#[tokio::test]
async fn an_unknown_id_is_a_404_whose_body_is_a_bare_string() {
    let answer = ResponseTemplate::new(404).set_body_json("V4 container metadata handler: no such container");
    let cause = cause_of(answer).await;
    assert!(cause.contains("404 Not Found: V4 container metadata handler: no such container"), "{cause}");
}

#[tokio::test]
async fn a_500_may_carry_a_bare_string() {
    let cause = cause_of(ResponseTemplate::new(500).set_body_json("unable to generate metadata")).await;
    assert!(cause.contains("500 Internal Server Error: unable to generate metadata"), "{cause}");
}

#[tokio::test]
async fn a_500_may_carry_an_empty_object() {
    let cause = cause_of(ResponseTemplate::new(500).set_body_json(json!({}))).await;
    assert!(cause.contains("500 Internal Server Error: {}"), "{cause}");
}

#[tokio::test]
async fn a_429_with_nothing_cached_is_a_503_to_try_again_later() {
    let throttled = ResponseTemplate::new(429).set_body_string("You have reached maximum request limit.");
    let app = spawn_app().await;
    app.endpoint_fails(throttled).await;
    let cause = app.identity_unavailable().await;
    assert!(cause.contains("429 Too Many Requests: You have reached"), "{cause}");
    recovers(&app).await;
}

#[tokio::test]
async fn rubbish_is_not_taken_for_a_document() {
    for rubbish in ["<html>hello</html>", "", "{\"Cluster\":", "null", "\"a string\"", "{\"TaskARN\": 5, \"Name\": 5}"]
    {
        let cause = cause_of(ResponseTemplate::new(200).set_body_string(rubbish)).await;
        assert!(cause.contains("something other than a metadata document"), "{rubbish}: {cause}");
    }
}

#[tokio::test]
async fn documents_that_tell_nothing_are_not_an_identity_of_nulls() {
    for empty in ["{}", "[]"] {
        let cause = cause_of(ResponseTemplate::new(200).set_body_string(empty)).await;
        assert!(cause.contains("describe no task"), "{empty}: {cause}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let app = spawn_app().await;
    app.endpoint_fails(ResponseTemplate::new(301).insert_header("Location", "/elsewhere")).await;
    let cause = app.identity_unavailable().await;
    assert!(cause.contains("301 Moved Permanently"), "{cause}");
    let requests = app.endpoint.received_requests().await.unwrap();
    assert!(requests.iter().all(|request| request.url.path() != "/elsewhere"), "{requests:?}");
}

#[tokio::test]
async fn a_document_without_end_is_not_read_into_memory() {
    let cause = cause_of(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 3 << 20])).await;
    assert!(cause.contains("longer than 1048576 bytes"), "{cause}");
}

#[tokio::test]
async fn one_document_without_the_other_is_not_enough() {
    let app = spawn_app().await;
    let own = ResponseTemplate::new(200).set_body_json(usual_container());
    app.endpoint_answers(own, ResponseTemplate::new(500).set_body_json("no task")).await;
    let cause = app.identity_unavailable().await;
    assert!(cause.contains("/task answered 500"), "{cause}");
    recovers(&app).await;
}

#[tokio::test]
async fn a_slow_endpoint_is_given_up_at_the_time_limit() {
    let app = spawn_app_with(&[("METADATA_TIMEOUT_MS", "150")]).await;
    app.endpoint_fails(ResponseTemplate::new(200).set_delay(Duration::from_secs(60))).await;
    let started = Instant::now();
    let cause = app.identity_unavailable().await;
    assert!(cause.contains("within 150ms"), "{cause}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    recovers(&app).await;
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_a_503_to_try_again_later() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let uri = format!("http://{closed}/v4/gone");
    let app = spawn_app_with(&[("ECS_CONTAINER_METADATA_URI_V4", &uri)]).await;
    let cause = app.identity_unavailable().await;
    assert!(cause.contains("Connection refused"), "{cause}");
}

#[tokio::test]
async fn a_failing_endpoint_is_not_asked_at_every_request() {
    let app = spawn_app().await;
    app.endpoint_fails(ResponseTemplate::new(500)).await;
    let started = Instant::now();
    for _ in 0..100 {
        assert_eq!(app.get("/").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    // The first wait is half a second and the following ones are longer.
    let at_most = 1 + usize::try_from(started.elapsed().as_millis() / 500).unwrap();
    let reads = app.reads().await.into_iter().max().unwrap();
    assert!((1..=at_most).contains(&reads), "{reads} reads, at most {at_most} expected");
}

#[tokio::test]
async fn the_log_tells_when_the_endpoint_begins_to_fail_and_when_it_answers_again() {
    let app = spawn_app().await;
    app.endpoint_fails(ResponseTemplate::new(500).set_body_json("broken")).await;
    app.identity_unavailable().await;
    recovers(&app).await;
    app.service.wait_for_log(|line| line["message"] == "the task metadata endpoint answers again", PATIENCE).await;
    let failing = |line: &&serde_json::Value| line["message"] == "the task metadata endpoint fails";
    let lines: Vec<_> = app.service.logs().into_iter().filter(|line| failing(&line)).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0]["cause"].as_str().unwrap().ends_with("500 Internal Server Error: broken"), "{lines:?}");
}

#[tokio::test]
async fn an_incomplete_answer_is_served_but_not_kept() {
    let app = spawn_app().await;
    let own = without(usual_container(), "Networks");
    app.endpoint_serves(&own, &without(usual_task(), "Containers")).await;
    assert!(app.identity().await["IpAddress"].is_null());
    app.endpoint_serves(&usual_container(), &usual_task()).await;
    app.ask_until(|_, identity| identity["IpAddress"] == crate::fixtures::OWN_IP).await;
}

#[tokio::test]
async fn user_info_of_the_endpoint_is_not_logged_however_it_fails() {
    let endpoint = wiremock::MockServer::start().await;
    let uri = format!("http://agent:hunter2@{}/v4/own", endpoint.address());
    for answer in [
        ResponseTemplate::new(500).set_body_json("broken"),
        ResponseTemplate::new(200).set_body_string("rubbish"),
        ResponseTemplate::new(200).set_body_bytes(vec![b' '; 3 << 20]),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(60)),
    ] {
        endpoint.reset().await;
        wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&endpoint).await;
        let env =
            [("ECS_CONTAINER_METADATA_URI_V4", uri.as_str()), ("METADATA_TIMEOUT_MS", "1000"), ("RUST_LOG", "trace")];
        let app = spawn_app_with(&env).await;
        let cause = app.identity_unavailable().await;
        let lines = app.service.logs();
        assert!(
            !cause.contains("hunter2") && lines.iter().all(|line| !line.to_string().contains("hunter2")),
            "{lines:?}"
        );
    }
}
