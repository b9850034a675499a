//! The process killed at any moment of an upload. After one sweep no row names a missing object and no object is without a row.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use causeway_testing::aws::S3;
use causeway_testing::postgres::TestDatabase;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};

use crate::diary::{assert_whole, jpeg, storage, sweep, with_picture};
use crate::helpers::{App, with_url};
use crate::people::Person;

/// Six uploads take about this long.
const UPLOADS: u64 = 60;

/// Kills the process so many times, each at another moment of six uploads; which step that meets does not matter.
async fn kill(rounds: u32, moment: impl Fn(u32) -> Duration) {
    let s3 = S3::start().await;
    let (database, url) = (TestDatabase::create().await, s3.url());
    let variables = storage(&url);
    let env = with_url(database.url(), &variables);
    let mut app = App::spawn(&env).await;
    app.until_ready().await;
    let jane = Person::new(&app, "jane").await;
    let body = with_picture("a text", &jpeg());
    for round in 0..rounds {
        let uploads = join_all((0..6).map(|_| {
            let request = app.prepare(Method::POST, "/diaries").bearer_auth(&jane.token);
            request.header("content-type", "multipart/form-data; boundary=a-boundary").body(body.clone()).send()
        }));
        tokio::select! { _ = uploads => {}, () = tokio::time::sleep(moment(round)) => {} }
        app.service.kill().await;
        app = App::spawn(&env).await;
        app.until_ready().await;
    }
    sweep(&app, &database).await;
    assert_whole(&database, &s3).await;
    assert_eq!(jane.get(&app, "/diaries?limit=100").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_process_killed_at_any_time_of_an_upload_leaves_nothing_after_a_sweep() {
    kill(8, |round| Duration::from_millis(UPLOADS / 8) * round).await;
}

#[tokio::test]
#[ignore = "takes a minute: make test-long"]
async fn a_process_killed_a_hundred_times_leaves_nothing_after_a_sweep() {
    let random = RandomState::new();
    kill(100, |round| Duration::from_micros(random.hash_one(round) % (UPLOADS * 1000))).await;
}
