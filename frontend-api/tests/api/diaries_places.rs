//! Places among the uploads: who waits for one, and who does not.

use std::time::{Duration, Instant};

use causeway_testing::aws::S3;
use causeway_testing::postgres::TestDatabase;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::diary::{head, jpeg, spawn_with_bucket, storage, with_picture};
use crate::helpers::{App, PATIENCE, eventually, spawn_app_with};
use crate::people::Person;

async fn spawn_with_one_place() -> (App, TestDatabase, S3) {
    let s3 = S3::start().await;
    let (app, database) = spawn_app_with(&[&storage(&s3.url())[..], &[("DIARY_UPLOADS", "1")]].concat()).await;
    (app, database, s3)
}

/// A connection that has sent this.
async fn sends(app: &App, head: &str, body: &[u8]) -> TcpStream {
    let mut connection = app.connect().await;
    connection.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    connection
}

/// What arrives first.
async fn answer(connection: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let read = timeout(PATIENCE, connection.read(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

async fn until_uploads(app: &App, count: usize) {
    let line = format!("causeway_picture_uploads_in_flight {count}.0");
    let shows = async || app.get("/metrics").await.text().await.unwrap().contains(&line).then_some(());
    eventually("the uploads have their places", shows).await;
}

#[tokio::test]
async fn the_time_of_a_body_does_not_run_out_while_it_waits_for_a_place() {
    let (app, _database, _s3) = spawn_with_one_place().await;
    let [jane, john, kate] =
        [Person::new(&app, "jane").await, Person::new(&app, "john").await, Person::new(&app, "kate").await];
    // At the least rate, this keeps its place for 13 s. Another body has 10 s for its first bytes.
    let stalls = with_picture("stalls", &[jpeg(), vec![0; 64 * 1024]].concat());
    let mut first = sends(&app, &head(&jane, "", 1_000_000), &stalls[..stalls.len() - 16 * 1024]).await;
    until_uploads(&app, 1).await;
    let body = with_picture("waits", &jpeg());
    let (begin, rest) = body.split_at(body.len() / 2);
    let mut announced = sends(&app, &head(&john, "", body.len()), begin).await;
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let chunked_head = head(&kate, "", 0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let mut chunked = sends(&app, &chunked_head, &chunk(begin)).await;
    let refused = answer(&mut first).await;
    assert!(refused.starts_with("HTTP/1.1 408 "), "{refused}");
    // Time for a 408, which must not come. One of them has the place now.
    let answered = async {
        tokio::select! {
            _ = announced.readable() => {}
            _ = chunked.readable() => {}
        }
    };
    assert!(timeout(Duration::from_secs(1), answered).await.is_err(), "one is refused");
    announced.write_all(rest).await.unwrap();
    chunked.write_all(&[chunk(rest), b"0\r\n\r\n".to_vec()].concat()).await.unwrap();
    for connection in [&mut announced, &mut chunked] {
        let written = answer(connection).await;
        assert!(written.starts_with("HTTP/1.1 201 "), "{written}");
    }
}

#[tokio::test]
async fn a_user_with_many_connections_leaves_places_to_others() {
    let (app, _database, _s3) = spawn_with_bucket().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    let mut connections = Vec::new();
    for _ in 0..40 {
        connections.push(sends(&app, &head(&jane, "", 9_000_000), &with_picture("a text", &jpeg())[..500]).await);
    }
    until_uploads(&app, 2).await;
    john.writes_with_picture(&app, "meanwhile", &jpeg()).await;
    until_uploads(&app, 2).await;
}

#[tokio::test]
async fn if_too_many_uploads_wait_the_next_is_refused_at_once() {
    let (app, _database, _s3) = spawn_with_one_place().await;
    let jane = Person::new(&app, "jane").await;
    let begun = Instant::now();
    // One has the place, and a quarter of 256 may wait for it.
    let mut connections = Vec::new();
    for _ in 0..1 + 64 + 6 {
        connections.push(sends(&app, &head(&jane, "", 1_000_000), b"").await);
    }
    let mut answers: FuturesUnordered<_> = connections.iter_mut().map(answer).collect();
    for _ in 0..6 {
        let refused = answers.next().await.unwrap();
        assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("/problems/uploads-busy"), "{refused}");
        assert!(refused.to_lowercase().contains("retry-after: "), "{refused}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "after {:?}, others would be refused too", begun.elapsed());
}
