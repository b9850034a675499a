//! What breaks during an upload: S3, the way to it, the client, the process. After one sweep no row names a missing object
//! and no object is without a row.

use std::time::Duration;

use causeway_testing::aws::S3;
use causeway_testing::postgres::TestDatabase;
use causeway_testing::proxy::TcpProxy;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::diary::{
    BUCKET, assert_whole, created, form, head, jpeg, part, spawn_with_bucket, storage, sweep, with_picture,
};
use crate::helpers::{App, PATIENCE, count, eventually, spawn_app_with, unavailable, until_waiting, with_url};
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
    let head = head(&jane, "Idempotency-Key: k\r\n", body.len());
    for cut in [0, 200, body.len() / 2, body.len() - 1] {
        let mut connection = app.connect().await;
        connection.write_all(&[head.as_bytes(), &body[..cut]].concat()).await.unwrap();
        drop(connection);
    }
    let client = database.client().await;
    // As long as one of them is at work, the answer is 409.
    let posted = eventually("the key is free", async || {
        let answer = jane.post_text(&app, "another way", Some("k")).await;
        (answer.status() != StatusCode::CONFLICT).then_some(answer)
    });
    created(&app, posted.await).await;
    sweep(&app, &database).await;
    assert_whole(&database, &s3).await;
    assert_eq!(count(&client, "diaries").await, 1);
}

#[tokio::test]
async fn a_client_that_resets_its_connection_while_its_key_is_claimed_frees_it() {
    let (app, database, _s3) = spawn_with_bucket().await;
    let jane = Person::new(&app, "jane").await;
    let client = database.client().await;
    // A cancel comes too late for the statement.
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                    BEGIN PERFORM pg_sleep(2); EXCEPTION WHEN query_canceled THEN NULL; END; RETURN NEW; END $$; \
                CREATE TRIGGER slow BEFORE INSERT ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION slow()";
    client.batch_execute(slow).await.unwrap();
    let mut connection = app.connect().await;
    connection.write_all(head(&jane, "Idempotency-Key: k\r\n", 1000).as_bytes()).await.unwrap();
    let sleeping =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    let waits = async || (client.query_one(sleeping, &[]).await.unwrap().get::<_, i64>(0) > 0).then_some(());
    eventually("the key is being claimed", waits).await;
    connection.set_zero_linger().unwrap();
    drop(connection);
    let posted = eventually("the key is free", async || {
        let answer = jane.post_text(&app, "another way", Some("k")).await;
        (answer.status() != StatusCode::CONFLICT).then_some(answer)
    });
    created(&app, posted.await).await;
}

#[tokio::test]
async fn a_picture_below_the_least_rate_loses_its_place_to_the_next_one() {
    let s3 = S3::start().await;
    let url = s3.url();
    let (app, database) = spawn_app_with(&[&storage(&url)[..], &[("DIARY_UPLOADS", "1")]].concat()).await;
    let jane = Person::new(&app, "jane").await;
    // So long that it takes its place before its body is read.
    let length = 1_000_000;
    let begin = [head(&jane, "", length).into_bytes(), with_picture("slow", &jpeg())[..1000].to_vec()].concat();
    let mut slow = app.connect().await;
    slow.write_all(&begin).await.unwrap();
    let client = database.client().await;
    let (mut answer, mut drops) = slow.into_split();
    let dripping = tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_millis(300));
        loop {
            every.tick().await;
            if drops.write_all(b"x").await.is_err() {
                return;
            }
        }
    });
    let mut text = String::new();
    let refused = async {
        let mut bytes = vec![0; 4096];
        let read = timeout(PATIENCE, answer.read(&mut bytes)).await.unwrap().unwrap();
        text = String::from_utf8_lossy(&bytes[..read]).into_owned();
    };
    let picture = jpeg();
    let (next, ()) = tokio::join!(jane.writes_with_picture(&app, "next", &picture), refused);
    dripping.abort();
    assert!(text.starts_with("HTTP/1.1 408 ") && text.contains("16384 bytes per second"), "{text}");
    assert_eq!(next["Text"], "next");
    sweep(&app, &database).await;
    assert_whole(&database, &s3).await;
    assert_eq!(count(&client, "diaries").await, 1);
}

#[tokio::test]
async fn a_database_cut_off_after_the_upload_leaves_nothing_after_a_sweep() {
    let s3 = S3::start().await;
    let (url, bucket) = (s3.url(), TestDatabase::create().await);
    let (app, proxy, database) = {
        let proxy = TcpProxy::start(address_of(bucket.url())).await;
        let through = through(&proxy, bucket.url());
        let app = App::spawn(&with_url(&through, &storage(&url))).await;
        app.until_ready().await;
        (app, proxy, bucket)
    };
    let jane = Person::new(&app, "jane").await;
    let locker = database.client().await;
    locker.batch_execute("BEGIN; LOCK TABLE diaries IN SHARE MODE").await.unwrap();
    let post = jane.post_form(&app, with_picture("a text", &jpeg()));
    let cut = async {
        eventually("the picture is in the bucket", async || (!s3.keys(BUCKET).unwrap().is_empty()).then_some(())).await;
        until_waiting(&locker, "INSERT INTO diaries", 1).await;
        proxy.refuse().await;
        proxy.cut();
    };
    let (answer, ()) = tokio::join!(post, cut);
    unavailable(answer, "database-unavailable").await;
    locker.batch_execute("ROLLBACK").await.unwrap();
    proxy.heal().await;
    app.until_ready().await;
    sweep(&app, &database).await;
    assert_whole(&database, &s3).await;
    assert_eq!((count(&locker, "diaries").await, s3.keys(BUCKET).unwrap().len()), (0, 0));
}

#[tokio::test]
#[ignore = "takes half a minute: make test-long"]
async fn a_sweep_that_the_database_cut_off_goes_on_when_the_database_is_used_again() {
    let database = TestDatabase::create().await;
    let proxy = TcpProxy::start(address_of(database.url())).await;
    let through = through(&proxy, database.url());
    let app = App::spawn(&[("DATABASE_URL", &through)]).await;
    app.until_ready().await;
    let jane = Person::new(&app, "jane").await;
    let locker = database.client().await;
    locker.batch_execute("BEGIN; LOCK TABLE idempotency_keys").await.unwrap();
    jane.leaves(&app).await;
    until_waiting(&locker, "DELETE FROM idempotency_keys", 1).await;
    proxy.refuse().await;
    proxy.cut();
    let failed = "the sweep failed and goes on when the database is used again";
    app.service.wait_for_log(|line| line["message"] == failed, PATIENCE).await;
    locker.batch_execute("ROLLBACK").await.unwrap();
    proxy.heal().await;
    app.until_ready().await;
    let swept = async {
        while count(&locker, "users").await > 0 {
            app.registered("uses the database").await;
        }
    };
    timeout(2 * PATIENCE, swept).await.expect("the sweep goes on after 30 s");
}

/// Host and port of a database's URL.
fn address_of(url: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432))
}

/// The same database by way of the proxy.
fn through(proxy: &TcpProxy, url: &str) -> String {
    let mut url = url::Url::parse(url).unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.address().port())).unwrap();
    url.into()
}
