//! A private service that can be reached and does not do what it is there for.

use std::path::Path;
use std::time::Duration;

use causeway_testing::postgres::TestDatabase;
use causeway_testing::service::Service;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::ResponseTemplate;

use crate::helpers::{BINARY, PRIVATE_SERVICE, Run, doctor, healthy_database};
use crate::world::{http_server, identity};

const HTTP: &str = "http";
const METADATA_MISSING: &str = "/problems/task-metadata-not-configured";

async fn doctor_with(database: &TestDatabase, url: &str) -> Run {
    doctor(&[("DATABASE_URL", database.url()), ("DB_SSLMODE", "disable"), ("ECSPRIVATESERVICE", url)]).await
}

async fn doctor_when_it_answers(answer: ResponseTemplate) -> Run {
    let database = healthy_database().await;
    let server = http_server(answer).await;
    doctor_with(&database, &server.uri()).await
}

#[tokio::test]
async fn its_identity_is_the_evidence() {
    let run = doctor_when_it_answers(ResponseTemplate::new(200).set_body_json(identity())).await;
    run.assert_healthy();
    assert_eq!(run.evidence(PRIVATE_SERVICE, "identity"), identity()["TaskArn"]);
}

pub async fn it_does_not_know_the_path() -> Option<Run> {
    let run = doctor_when_it_answers(ResponseTemplate::new(404)).await;
    run.assert_only(PRIVATE_SERVICE, HTTP, "http-not-found");
    Some(run)
}

pub async fn it_answers_with_an_error() -> Option<Run> {
    let run = doctor_when_it_answers(ResponseTemplate::new(500).set_body_string("internal detail")).await;
    run.assert_only(PRIVATE_SERVICE, HTTP, "http-failed");
    assert_eq!(run.evidence(PRIVATE_SERVICE, HTTP), "status 500 Internal Server Error");
    assert!(!run.report.to_string().contains("internal detail"));
    Some(run)
}

pub async fn it_does_not_answer_in_time() -> Option<Run> {
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    let run = doctor_when_it_answers(slow).await;
    run.assert_only(PRIVATE_SERVICE, HTTP, "http-slow");
    Some(run)
}

/// The head comes at once, and the body never.
#[tokio::test]
async fn it_stops_in_the_middle_of_its_answer() {
    let address = crate::wire::serve(|mut connection| async move {
        if connection.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n").await.unwrap();
            while connection.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {}
        }
    })
    .await;
    let database = healthy_database().await;
    let run = doctor_with(&database, &format!("http://{address}")).await;
    run.assert_only(PRIVATE_SERVICE, HTTP, "stalled-in-the-middle");
}

pub async fn it_can_not_read_its_own_metadata() -> Option<Run> {
    let problem = json!({"type": METADATA_MISSING, "title": "x", "status": 503});
    let run = doctor_when_it_answers(ResponseTemplate::new(503).set_body_json(problem)).await;
    run.assert_only(PRIVATE_SERVICE, HTTP, "task-metadata-missing");
    Some(run)
}

/// The real one, where it was built beside this one: that both mean the same by it is the point.
#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that proves nothing must say so")]
async fn the_real_private_service_outside_ecs_can_not_read_its_metadata() {
    let program = Path::new(BINARY).with_file_name("private-service");
    if !program.is_file() {
        assert!(std::env::var_os("CI").is_none(), "{} was not built", program.display());
        eprintln!("skipped: {} was not built", program.display());
        return;
    }
    let service = Service::spawn(&program, [("LOG_LEVEL", "info")]).await;
    let database = healthy_database().await;
    let run = doctor_with(&database, service.base_url()).await;
    run.assert_only(PRIVATE_SERVICE, HTTP, "task-metadata-missing");
}

#[tokio::test]
async fn what_listens_there_speaks_ssh() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                // The end without a word, then words that are no HTTP, by turns.
                if connection.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {
                    connection.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.unwrap();
                }
            });
        }
    });
    let database = healthy_database().await;
    doctor_with(&database, &url).await.assert_only(PRIVATE_SERVICE, HTTP, "speaks-ssh");
}

pub async fn what_listens_there_closes_the_connection() -> Option<Run> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let database = healthy_database().await;
    let run = doctor_with(&database, &url).await;
    run.assert_only(PRIVATE_SERVICE, HTTP, "http-broken");
    Some(run)
}

#[tokio::test]
async fn neither_user_info_nor_query_of_its_url_is_shown() {
    let server = http_server(ResponseTemplate::new(404)).await;
    let database = healthy_database().await;
    let url = server.uri().replace("http://", "http://someone:hunter2@") + "/path?token=hunter2#hunter2";
    let run = doctor_with(&database, &url).await;
    run.assert_only(PRIVATE_SERVICE, HTTP, "http-not-found");
    assert_eq!(run.check(PRIVATE_SERVICE)["target"], format!("{}/path", server.uri()));
    assert!(!run.report.to_string().contains("hunter2"), "{:#}", run.report);
}
