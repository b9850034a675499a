//! Books and authors as callers meet them: two services behind a balancer.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use causeway_testing::aws::{Balancer, Rule};
use causeway_testing::load::Load;
use causeway_testing::service::Service;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::helpers::{BINARY, PATIENCE, client, eventually, problem};

const CHECK_EVERY: Duration = Duration::from_millis(20);
const CLIENTS: usize = 8;

/// An instance that serves `part`; on `address`, or on a port of its own.
async fn serve(part: &str, address: Option<SocketAddr>) -> Service {
    let wanted = address.map_or(0, |address| address.port()).to_string();
    Service::spawn(BINARY, [("CATALOGUE", part), ("PORT", &wanted)]).await
}

fn balance(parts: &[(&str, &[&Service])]) -> Balancer {
    let rule = |&(part, targets): &(&str, &[&Service])| Rule {
        path: format!("/api/{part}"),
        targets: targets.iter().map(|target| target.address().to_string()).collect(),
    };
    Balancer::start_local(parts.iter().map(rule).collect(), CHECK_EVERY).unwrap()
}

async fn get(balancer: &Balancer, path: &str) -> Response {
    client().get(format!("{}{path}", balancer.url())).send().await.unwrap()
}

async fn until(balancer: &Balancer, path: &str, status: StatusCode) {
    let reached = async || (get(balancer, path).await.status() == status).then_some(());
    eventually(&format!("{path} {status}"), reached).await;
}

#[tokio::test]
async fn the_balancer_routes_each_part_to_its_service_and_takes_no_longer_names() {
    let (books, authors) = (serve("books", None).await, serve("authors", None).await);
    let balancer = balance(&[("books", &[&books]), ("authors", &[&authors])]);
    for (part, key) in [("books", "isbn"), ("authors", "book")] {
        let list = format!("/api/{part}");
        until(&balancer, &list, StatusCode::OK).await;
        let first = get(&balancer, &list).await;
        let tag = first.headers()[ETAG].clone();
        let records: Value = first.json().await.unwrap();
        assert_eq!(records.as_array().unwrap().len(), 6);
        let second: Value = get(&balancer, &format!("{list}/2")).await.json().await.unwrap();
        assert_eq!(second, records[1]);
        assert!(second[key].is_string() || second[key].is_u64(), "{second}");

        let known = client().get(format!("{}{list}", balancer.url())).header(IF_NONE_MATCH, tag);
        assert_eq!(known.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
        let head = client().request(Method::HEAD, format!("{}{list}/1", balancer.url())).send().await.unwrap();
        assert_eq!((head.status(), head.text().await.unwrap().as_str()), (StatusCode::OK, ""));
        problem(get(&balancer, &format!("{list}/7")).await, StatusCode::NOT_FOUND, "not-found").await;
        problem(get(&balancer, &format!("{list}/x")).await, StatusCode::BAD_REQUEST, "bad-id").await;
        assert_eq!(get(&balancer, &format!("{list}/health")).await.status(), StatusCode::OK);

        let longer = get(&balancer, &format!("{list}X")).await;
        assert_eq!(longer.status(), StatusCode::NOT_FOUND);
        assert_eq!(longer.text().await.unwrap(), "", "the balancer itself answers");
    }
}

#[tokio::test]
async fn a_target_that_serves_the_other_part_never_gets_a_request() {
    let authors = serve("authors", None).await;
    let balancer = balance(&[("books", &[&authors]), ("authors", &[&authors])]);
    until(&balancer, "/api/authors", StatusCode::OK).await;
    assert_eq!(get(&balancer, "/api/books").await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn without_a_healthy_target_the_answer_is_503_until_one_is_back() {
    let (mut books, authors) = (serve("books", None).await, serve("authors", None).await);
    let balancer = balance(&[("books", &[&books]), ("authors", &[&authors])]);
    until(&balancer, "/api/books", StatusCode::OK).await;
    books.kill().await;
    until(&balancer, "/api/books", StatusCode::SERVICE_UNAVAILABLE).await;
    until(&balancer, "/api/authors", StatusCode::OK).await;
    let _books = serve("books", Some(books.address())).await;
    until(&balancer, "/api/books", StatusCode::OK).await;
}

#[tokio::test]
async fn a_health_check_that_succeeds_is_not_in_the_log() {
    let books = serve("books", None).await;
    let balancer = balance(&[("books", &[&books])]);
    until(&balancer, "/api/books", StatusCode::OK).await;
    let own = "/api/books/health";
    assert_eq!(get(&balancer, own).await.status(), StatusCode::OK);
    books.wait_for_log(|line| line["path"] == own, PATIENCE).await;
    let logged = |path: &str| books.logs().iter().filter(|line| line["path"] == path).count();
    assert_eq!(logged(own), 1, "that of the test, whose client is no balancer");
}

#[tokio::test]
async fn a_service_that_is_killed_and_replaced_under_load_fails_only_requests_in_flight() {
    let (mut one, other) = (serve("books", None).await, serve("books", None).await);
    let balancer = balance(&[("books", &[&one, &other])]);
    until(&balancer, "/api/books", StatusCode::OK).await;
    let mut load = Load::start(&format!("{}/api/books/1", balancer.url()), CLIENTS);
    load.until_registered(200).await;
    one.kill().await;
    load.until_registered(200).await;
    let one = serve("books", Some(one.address())).await;
    let ids = async |service: &Service| {
        let line = service.wait_for_log(|line| line["path"] == "/api/books/1", PATIENCE).await;
        line["request_id"].as_str().unwrap().to_owned()
    };
    let both = HashSet::from([ids(&one).await, ids(&other).await]);
    assert_eq!(both.len(), 2, "the new one gets requests, too");
    load.until_registered(200).await;
    let outcome = load.finish().await;
    let failed: Vec<_> = outcome.all().filter(|sent| sent.status != Some(StatusCode::OK)).collect();
    assert!(failed.len() <= CLIENTS, "{failed:?}");
    outcome.assert_only(&[StatusCode::OK, StatusCode::BAD_GATEWAY]);
}
