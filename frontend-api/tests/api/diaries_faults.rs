//! What breaks during an upload: S3, the way to it, the client, the process. After one sweep no row names a missing object
//! and no object is without a row.

use std::time::Duration;

use causeway_testing::aws::S3;
use causeway_testing::postgres::TestDatabase;
use causeway_testing::proxy::TcpProxy;
use reqwest::StatusCode;
use tokio::io::AsyncWriteExt;

use crate::diary::{assert_whole, created, form, jpeg, part, spawn_with_bucket, storage, sweep, with_picture};
use crate::helpers::{App, count, eventually, spawn_app_with, unavailable, with_url};
use crate::people::Person;

async fn spawn_behind_a_proxy() -> (App, TestDatabase, S3, TcpProxy) {
    let s3 = S3::start().await;
    let proxy = TcpProxy::start(s3.address().to_string()).await;
    let endpoint = format!("http://{}", proxy.address());
    let env = [&storage(&endpoint)[..], &[("DIARY_STORAGE_TIMEOUT_MS", "4500")]].concat();
    let (app, database) = spawn_app_with(&env).await;
    (app, database, s3, proxy)
}

#[tokio::test]
async fn texts_go_on_while_s3_refuses_or_is_silent() {
    let (app, database, s3, proxy) = spawn_behind_a_proxy().await;
    let jane = Person::new(&app, "jane").await;
    jane.writes_with_picture(&app, "before", &jpeg()).await;
    let post = async || jane.post_form(&app, with_picture("meanwhile", &jpeg())).await;
    proxy.refuse().await;
    unavailable(post().await, "picture-storage-unavailable").await;
    created(&app, jane.post_form(&app, form(&[part("name=\"text\"", b"a text")])).await).await;
    proxy.heal().await;
    proxy.silence();
    let (silent, text) = tokio::join!(post(), jane.post_text(&app, "another text", None));
    unavailable(silent, "picture-storage-unavailable").await;
    created(&app, text).await;
    proxy.cut();
    proxy.heal().await;
    jane.writes_with_picture(&app, "after", &jpeg()).await;
    sweep(&app, &database).await;
    assert_whole(&database, &s3).await;
    assert_eq!(count(&database.client().await, "diaries").await, 4);
}

#[tokio::test]
async fn a_refusal_of_s3_is_a_503_whose_log_has_its_reason() {
    let s3 = S3::start().await;
    let url = s3.url();
    let env = [&storage(&url)[..], &[("AWS_SECRET_ACCESS_KEY", "another")]].concat();
    let (app, _database) = spawn_app_with(&env).await;
    let jane = Person::new(&app, "jane").await;
    let response = jane.post_form(&app, with_picture("a text", &jpeg())).await;
    unavailable(response, "picture-storage-unavailable").await;
    let line = app.access_line("/diaries").await;
    assert!(line["cause"].as_str().is_some_and(|cause| cause.contains("SignatureDoesNotMatch")), "{line}");
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_leaves_nothing_and_frees_its_key() {
    let (app, database, s3) = spawn_with_bucket().await;
    let jane = Person::new(&app, "jane").await;
    let body = with_picture("a text", &jpeg());
    let head = format!(
        "POST /diaries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nIdempotency-Key: k\r\nContent-Length: {}\r\n\
         Content-Type: multipart/form-data; boundary=a-boundary\r\n\r\n",
        jane.token,
        body.len()
    );
    for cut in [0, 200, body.len() / 2, body.len() - 1] {
        let mut connection = app.connect().await;
        connection.write_all(&[head.as_bytes(), &body[..cut]].concat()).await.unwrap();
        drop(connection);
    }
    let client = database.client().await;
    eventually("the key is free", async || (count(&client, "idempotency_keys").await == 0).then_some(())).await;
    created(&app, jane.post_text(&app, "another way", Some("k")).await).await;
    sweep(&app, &database).await;
    assert_whole(&database, &s3).await;
    assert_eq!(count(&client, "diaries").await, 1);
}

#[tokio::test]
async fn a_process_killed_at_any_time_of_an_upload_leaves_nothing_after_a_sweep() {
    let s3 = S3::start().await;
    let (database, url) = (TestDatabase::create().await, s3.url());
    let env = with_url(database.url(), &storage(&url))
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect::<Vec<_>>();
    let env: Vec<(&str, &str)> = env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let mut app = App::spawn(&env).await;
    app.until_ready().await;
    let jane = Person::new(&app, "jane").await;
    for round in 0..8_u64 {
        let picture = jpeg();
        let uploads = futures_util::future::join_all((0..6).map(|_| {
            let (body, content_type) = (with_picture("a text", &picture), "multipart/form-data; boundary=a-boundary");
            let request = app.prepare(reqwest::Method::POST, "/diaries").bearer_auth(&jane.token);
            request.header("content-type", content_type).body(body).send()
        }));
        // Another moment in each round; which step it meets does not matter.
        tokio::select! { _ = uploads => {}, () = tokio::time::sleep(Duration::from_millis(round * 7)) => {} }
        app.service.kill().await;
        app = App::spawn(&env).await;
        app.until_ready().await;
    }
    sweep(&app, &database).await;
    assert_whole(&database, &s3).await;
    let response = jane.get(&app, "/diaries?limit=100").await;
    assert_eq!(response.status(), StatusCode::OK);
}
