//! `GET /` spares the endpoint, which shares its limit of 40 requests a second with the task's credentials.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use wiremock::ResponseTemplate;

use crate::fixtures::{OWN_IP, awsvpc, container, task, usual_container, usual_task, without};
use crate::helpers::{App, PATIENCE, client, spawn_app, spawn_app_with};

/// Refreshes as often as is allowed, so that tests need not wait.
const OFTEN: [(&str, &str); 1] = [("METADATA_REFRESH_MS", "250")];

/// A service that has a complete identity, which it refreshes often.
async fn app_with_a_cached_identity() -> App {
    let app = spawn_app_with(&OFTEN).await;
    app.endpoint_serves(&usual_container(), &usual_task()).await;
    assert_eq!(app.identity().await["IpAddress"], OWN_IP);
    app
}

fn throttled() -> ResponseTemplate {
    ResponseTemplate::new(429).set_body_string("You have reached maximum request limit.")
}

#[tokio::test]
async fn sixty_four_concurrent_requests_cause_one_read() {
    let app = spawn_app().await;
    let slow = |document| ResponseTemplate::new(200).set_body_json(document).set_delay(Duration::from_millis(300));
    app.endpoint_answers(slow(usual_container()), slow(usual_task())).await;

    let mut requests = JoinSet::new();
    for _ in 0..64 {
        requests.spawn(client().get(app.url("/")).send());
    }
    for response in requests.join_all().await {
        assert_eq!(response.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(app.reads().await, [1, 1]);
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_end_the_read_that_others_wait_for() {
    let app = spawn_app().await;
    let slow = |document| ResponseTemplate::new(200).set_body_json(document).set_delay(Duration::from_millis(300));
    app.endpoint_answers(slow(usual_container()), slow(usual_task())).await;

    let hasty = TcpStream::connect(app.service.address()).await.unwrap();
    hasty.try_write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let started = Instant::now();
    while app.reads().await[1] == 0 {
        assert!(started.elapsed() < PATIENCE, "the read does not begin");
        tokio::task::yield_now().await;
    }
    // A reset, not a polite end: the server drops what it does for this connection.
    hasty.set_zero_linger().unwrap();
    drop(hasty);
    assert_eq!(app.identity().await["IpAddress"], OWN_IP);
    assert_eq!(app.reads().await, [1, 1]);
}

#[tokio::test]
async fn a_complete_identity_is_not_read_again_before_its_time() {
    let app = spawn_app_with(&[("METADATA_REFRESH_MS", "600000")]).await;
    app.endpoint_serves(&usual_container(), &usual_task()).await;
    for _ in 0..100 {
        app.identity().await;
    }
    assert_eq!(app.reads().await, [1, 1]);
}

#[tokio::test]
async fn a_complete_identity_is_read_again_when_its_time_has_come() {
    let app = app_with_a_cached_identity().await;
    let moved = container(crate::fixtures::OWN_ID, "app", &[awsvpc(serde_json::json!(["10.0.9.9"]))]);
    app.endpoint_serves(&moved, &task(std::slice::from_ref(&moved))).await;
    app.ask_until(|_, identity| identity["IpAddress"] == "10.0.9.9").await;
}

#[tokio::test]
async fn a_document_that_came_while_the_other_was_throttled_is_not_asked_for_again() {
    let own = || ResponseTemplate::new(200).set_body_json(usual_container());
    let task = || ResponseTemplate::new(200).set_body_json(usual_task());
    for (first, later, reads) in
        [([own(), throttled()], [throttled(), task()], [1, 2]), ([throttled(), task()], [own(), throttled()], [2, 1])]
    {
        let app = spawn_app().await;
        let ([first_own, first_task], [later_own, later_task]) = (first, later);
        app.endpoint_answers(later_own, later_task).await;
        app.endpoint_first_answers(first_own, first_task).await;
        app.ask_until(|status, identity| status == StatusCode::OK && identity["IpAddress"] == OWN_IP).await;
        assert_eq!(app.reads().await, reads);
    }
}

#[tokio::test]
async fn while_the_endpoint_throttles_the_last_good_identity_is_served() {
    let app = app_with_a_cached_identity().await;
    app.endpoint_fails(throttled()).await;
    let answers = app.ask_until_read_twice().await;
    assert!(answers.iter().all(|identity| identity["IpAddress"] == OWN_IP), "{answers:?}");
    let cause = app.service.logs().iter().find_map(|line| line["cause"].as_str().map(str::to_owned)).unwrap();
    assert!(cause.contains("429 Too Many Requests"), "{cause}");
}

#[tokio::test]
async fn while_the_endpoint_fails_the_last_good_identity_is_served() {
    let app = app_with_a_cached_identity().await;
    app.endpoint_fails(ResponseTemplate::new(500).set_body_json("broken")).await;
    let answers = app.ask_until_read_twice().await;
    assert!(answers.iter().all(|identity| identity["IpAddress"] == OWN_IP), "{answers:?}");
}

#[tokio::test]
async fn an_incomplete_answer_does_not_displace_a_complete_one() {
    let app = app_with_a_cached_identity().await;
    let own = without(usual_container(), "Networks");
    app.endpoint_serves(&own, &without(usual_task(), "Containers")).await;
    app.ask_until_read_twice().await;
    assert_eq!(app.identity().await["IpAddress"], OWN_IP);
}

#[tokio::test]
async fn a_cached_identity_is_answered_without_waiting_for_a_slow_endpoint() {
    let app = app_with_a_cached_identity().await;
    app.endpoint_fails(ResponseTemplate::new(200).set_delay(Duration::from_secs(60))).await;
    let started = Instant::now();
    let mut slowest = Duration::ZERO;
    // The read under way lasts for METADATA_TIMEOUT_MS, 10 s in these tests: one more request falls into it for sure.
    let mut asked_meanwhile = false;
    while !asked_meanwhile {
        assert!(started.elapsed() < PATIENCE, "the endpoint is not read again");
        asked_meanwhile = app.reads().await != [0, 0];
        let asked = Instant::now();
        assert_eq!(app.identity().await["IpAddress"], OWN_IP);
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}
