//! Spans of work that many requests share: each request is its parent or linked, and none is lost.

use std::collections::BTreeSet;

use causeway_testing::collector::{Collector, Span};
use reqwest::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::diary::{jpeg, spawn_with_bucket, storage, with_picture};
use crate::helpers::{App, PATIENCE, client, spawn_app_with, unavailable, until_waiting};
use crate::people::Person;
use crate::xray::{assert_rules, traced};

/// Each of `clients` sends this request `each` times.
async fn ask(app: &App, path: &str, token: Option<&str>, clients: usize, each: usize) {
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let mut request = client().get(app.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        running.spawn(async move {
            for _ in 0..each {
                let answer = request.try_clone().expect("it has no body").send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::OK);
                answer.bytes().await.unwrap();
            }
        });
    }
    running.join_all().await;
}

fn named<'a>(spans: &'a [Span], name: &'a str) -> impl Iterator<Item = &'a Span> {
    spans.iter().filter(move |span| span.name == name)
}

/// Each of the requests is the parent of one batch or linked to it, and of no other. Returns the batches.
fn assert_shared<'a>(spans: &'a [Span], requests: &BTreeSet<&str>, work: &'a str) -> Vec<&'a Span> {
    let batches: Vec<_> = named(spans, work).filter(|batch| requests.contains(&*batch.parent)).collect();
    let mut served = Vec::new();
    for batch in &batches {
        assert_eq!((batch.dropped_links, batch.failed), (0, false), "{batch:#?}");
        served.extend(batch.links.iter().chain([&batch.parent]).map(String::as_str));
    }
    assert_eq!(served.len(), requests.len(), "each request is in one batch of {work}");
    assert_eq!(served.into_iter().collect::<BTreeSet<_>>(), *requests);
    batches
}

fn assert_visits(spans: &[Span], expected: usize) {
    assert_rules(spans);
    let requests: BTreeSet<&str> = named(spans, "GET /").map(|span| &*span.id).collect();
    assert_eq!(requests.len(), expected, "no span is lost");
    for batch in assert_shared(spans, &requests, "record visits") {
        let visits = 1 + batch.links.len();
        let inserts: Vec<_> = named(spans, "INSERT access").filter(|insert| insert.parent == batch.id).collect();
        assert_eq!(inserts.len(), 1, "{batch:#?}");
        let size = if visits > 1 { visits.to_string() } else { String::new() };
        assert_eq!(inserts[0].get("db.operation.batch.size"), size);
        assert!(inserts[0].times.0 >= batch.times.0 && inserts[0].times.1 <= batch.times.1, "{inserts:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_10_000_traced_visits_no_span_is_lost_and_every_link_is_right() {
    const CLIENTS: usize = 50;
    const EACH: usize = 200;
    let collector = Collector::start().await;
    let url = collector.url();
    let (mut app, _database) = spawn_app_with(&traced(&url)).await;
    ask(&app, "/", None, CLIENTS, EACH).await;
    assert!(app.service.stop().await.success());
    assert_visits(&collector.spans(), CLIENTS * EACH);
}

#[tokio::test]
async fn look_ups_of_sessions_and_lists_of_diaries_are_shared_spans() {
    const CLIENTS: usize = 20;
    const EACH: usize = 10;
    let collector = Collector::start().await;
    let url = collector.url();
    let (mut app, _database) = spawn_app_with(&traced(&url)).await;
    let jane = Person::new(&app, "jane").await;
    ask(&app, "/diaries", Some(&jane.token), CLIENTS, EACH).await;
    assert!(app.service.stop().await.success());
    let spans = collector.spans();
    assert_rules(&spans);
    let requests: BTreeSet<&str> = named(&spans, "GET /diaries").map(|span| &*span.id).collect();
    assert_eq!(requests.len(), CLIENTS * EACH);
    for (work, statement) in [("look sessions up", "SELECT sessions"), ("list diaries", "SELECT diaries")] {
        let batches = assert_shared(&spans, &requests, work);
        assert!(batches.len() < requests.len(), "nothing was shared");
        for batch in batches {
            assert_eq!(named(&spans, statement).filter(|query| query.parent == batch.id).count(), 1, "{batch:#?}");
        }
    }
}

#[tokio::test]
async fn the_calls_of_s3_are_below_their_request_and_failed_ones_say_why() {
    let collector = Collector::start().await;
    let (url, (app, _database, s3)) = (collector.url(), spawn_with_bucket().await);
    drop(app);
    let bucket = s3.url();
    let wrong = [&storage(&bucket)[..], &traced(&url), &[("AWS_SECRET_ACCESS_KEY", "another")]].concat();
    for (env, failed) in [(&wrong[..wrong.len() - 1], false), (&wrong, true)] {
        let (mut app, _database) = spawn_app_with(env).await;
        let jane = Person::new(&app, "jane").await;
        let before = collector.spans().len();
        let answer = jane.post_form(&app, with_picture("a text", &jpeg())).await;
        if failed {
            unavailable(answer, "picture-storage-unavailable").await;
        } else {
            assert_eq!(answer.status(), StatusCode::CREATED);
        }
        assert!(app.service.stop().await.success());
        let spans = &collector.spans()[before..];
        assert_rules(spans);
        let request = named(spans, "POST /diaries").next().unwrap();
        let put = named(spans, "S3 PutObject").next().unwrap();
        assert_eq!((&put.parent, put.failed, put.get("peer.service")), (&request.id, failed, "S3"));
        assert_eq!((put.get("rpc.system"), put.get("rpc.method")), ("aws-api", "PutObject"));
        assert_eq!(put.get("error.type"), if failed { "SignatureDoesNotMatch" } else { "" });
        // Written by a task that goes on if the client leaves.
        let commit = named(spans, "COMMIT").find(|commit| commit.parent == request.id);
        assert_eq!(commit.is_some(), !failed);
    }
}

#[tokio::test]
async fn a_call_whose_caller_leaves_is_a_failed_span() {
    let collector = Collector::start().await;
    let url = collector.url();
    let (app, database) = spawn_app_with(&traced(&url)).await;
    let jane = Person::new(&app, "jane").await;
    let locker = database.client().await;
    locker.batch_execute("BEGIN; LOCK TABLE diaries").await.unwrap();
    let mut connection = app.connect().await;
    let head = format!("DELETE /diaries/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", jane.token);
    connection.write_all(head.as_bytes()).await.unwrap();
    until_waiting(&locker, "UPDATE diaries", 1).await;
    // A client that only closes may still read the answer; one that resets does not.
    connection.set_zero_linger().unwrap();
    drop(connection);
    let ended = |spans: &[Span]| named(spans, "UPDATE diaries").next().is_some();
    let spans = collector.wait_for(ended, PATIENCE).await;
    let update = named(&spans, "UPDATE diaries").next().unwrap();
    assert_eq!((update.failed, update.get("error.type")), (true, "cancelled"), "{update:#?}");
    locker.batch_execute("ROLLBACK").await.unwrap();
}
