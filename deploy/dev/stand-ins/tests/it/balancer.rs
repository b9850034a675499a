use std::net::TcpListener;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web;
use causeway_stand_ins::Server;
use causeway_stand_ins::balancer::{Balancer, Rule};
use reqwest::StatusCode;
use tokio::time::{sleep, timeout};

const LONG: Duration = Duration::from_secs(20);
const OFTEN: Duration = Duration::from_millis(20);

/// A service that answers everything, its health check too, with its name and the path.
fn service(name: &'static str) -> Server {
    let answer = move |path: web::Path<String>| async move { HttpResponse::Ok().body(format!("{name} {path}")) };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    Server::start(listener, move |config| {
        config.route("/{path:.*}", web::to(answer));
    })
    .expect("the listener is open")
}

fn rule(path: &str, targets: &[&Server]) -> Rule {
    Rule { path: path.to_owned(), targets: targets.iter().map(|target| target.address().to_string()).collect() }
}

async fn ask(balancer: &Balancer, path: &str) -> (StatusCode, String) {
    let answer = crate::get(&format!("{}{path}", balancer.url())).await;
    (answer.status(), answer.text().await.expect("a body"))
}

async fn until(balancer: &Balancer, path: &str, status: StatusCode) {
    let reached = async {
        while ask(balancer, path).await.0 != status {
            sleep(OFTEN).await;
        }
    };
    timeout(LONG, reached).await.unwrap_or_else(|_| panic!("{path} never answered {status}"));
}

#[tokio::test]
async fn requests_go_by_path_to_healthy_targets_and_without_one_the_answer_is_503() {
    let (books, authors) = (service("books"), service("authors"));
    let rules = vec![rule("/api/books", &[&books]), rule("/api/authors", &[&authors])];
    let balancer = Balancer::start_local(rules, OFTEN).unwrap();
    until(&balancer, "/api/books", StatusCode::OK).await;
    until(&balancer, "/api/authors", StatusCode::OK).await;
    assert_eq!(ask(&balancer, "/api/books/1").await.1, "books api/books/1");
    assert_eq!(ask(&balancer, "/api/authors/1").await.1, "authors api/authors/1");
    assert_eq!(ask(&balancer, "/api/booksX").await.0, StatusCode::NOT_FOUND);

    drop(books);
    until(&balancer, "/api/books", StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(ask(&balancer, "/api/authors").await.0, StatusCode::OK);
}

#[tokio::test]
async fn all_healthy_targets_take_their_turn() {
    let (one, other) = (service("one"), service("other"));
    let balancer = Balancer::start_local(vec![rule("/a", &[&one, &other])], OFTEN).unwrap();
    let both = async {
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < 2 {
            let (status, text) = ask(&balancer, "/a").await;
            if status == StatusCode::OK {
                seen.insert(text);
            }
        }
        seen
    };
    let seen = timeout(LONG, both).await.unwrap();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["one a", "other a"]);
}
