//! More requests than the database takes: quick refusals, ended waits, and nothing lost of what was taken on.

use causeway_testing::postgres::TestDatabase;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::StatusCode;
use tokio_postgres::Client;

use crate::helpers::{App, count, eventually, spawn_app_with, unavailable, until_blocked};

/// Holds up every INSERT until it is released.
async fn hold_up(database: &TestDatabase) -> Client {
    let locker = database.client().await;
    locker.batch_execute("BEGIN; LOCK TABLE access IN SHARE MODE").await.unwrap();
    locker
}

async fn release(locker: &Client) {
    locker.batch_execute("COMMIT").await.unwrap();
}

#[tokio::test]
async fn with_the_queue_full_a_visit_is_refused_at_once_and_those_that_wait_are_stored() {
    let (app, database) = spawn_app_with(&[("QUEUE_CAPACITY", "1")]).await;
    let locker = hold_up(&database).await;
    let first = app.register("in flight");
    tokio::pin!(first);
    tokio::select! {
        response = &mut first => panic!("answered before its commit: {response:?}"),
        () = until_blocked(&locker, 1) => {}
    }

    // One of them gets the only place. The others are answered while it still waits: the lock is not released before.
    let mut rest: FuturesUnordered<_> = (0..8).map(|_| app.register("one of eight")).collect();
    for _ in 0..7 {
        unavailable(rest.next().await.unwrap(), "queue-full").await;
    }
    assert_eq!(app.health().await.status(), StatusCode::OK);
    assert_eq!(app.ready().await.status(), StatusCode::OK);

    release(&locker).await;
    assert_eq!(first.await.status(), StatusCode::OK);
    assert_eq!(rest.next().await.unwrap().status(), StatusCode::OK);
    assert_eq!(count(&locker, "access").await, 2);
    app.registered("afterwards").await;
}

#[tokio::test]
async fn readers_have_a_queue_of_their_own() {
    let (app, database) = spawn_app_with(&[("QUEUE_CAPACITY", "1")]).await;
    let locker = hold_up(&database).await;
    let visit = app.register("in flight");
    let reading = async {
        until_blocked(&locker, 1).await;
        assert_eq!(app.recent_visits().await.len(), 0);
        release(&locker).await;
    };
    assert_eq!(tokio::join!(visit, reading).0.status(), StatusCode::OK);
}

#[tokio::test]
async fn when_the_deadline_passes_the_wait_is_over_and_all_is_well_afterwards() {
    let (app, database) = spawn_app_with(&[("REQUEST_TIMEOUT_MS", "300")]).await;
    let locker = hold_up(&database).await;
    unavailable(app.register("too late").await, "deadline-passed").await;
    // The database is slow, not gone.
    assert_eq!(app.ready().await.status(), StatusCode::OK);
    release(&locker).await;
    recovers(&app).await;
}

/// A visit is registered again. The first may still meet what is held up.
async fn recovers(app: &App) {
    eventually("a visit is registered", async || {
        (app.register("afterwards").await.status() == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_visit_whose_deadline_passed_in_the_queue_is_not_stored_later() {
    // Time enough for the first one to be in flight.
    let (app, database) = spawn_app_with(&[("REQUEST_TIMEOUT_MS", "1500")]).await;
    let locker = hold_up(&database).await;
    let first = app.register("in flight");
    let second = async {
        until_blocked(&locker, 1).await;
        app.register("in the queue").await
    };
    let (first, second) = tokio::join!(first, second);
    unavailable(first, "deadline-passed").await;
    unavailable(second, "deadline-passed").await;
    release(&locker).await;
    recovers(&app).await;
    assert_eq!(count(&locker, "access WHERE user_agent = 'in the queue'").await, 0);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    let (app, database) = spawn_app_with(&[("DB_QUERY_TIMEOUT_MS", "300")]).await;
    let locker = hold_up(&database).await;
    unavailable(app.register("too slow").await, "database-unavailable").await;
    release(&locker).await;
    recovers(&app).await;
}

#[tokio::test]
async fn a_slow_insert_does_not_hold_up_the_readers_and_a_slow_read_not_the_visits() {
    let (app, database) = spawn_app_with(&[]).await;
    app.registered("before").await;
    let locker = database.client().await;
    locker.batch_execute("BEGIN; LOCK TABLE access IN SHARE MODE").await.unwrap();
    let visit = app.register("held up");
    let reading = async {
        until_blocked(&locker, 1).await;
        for _ in 0..5 {
            assert_eq!(app.recent_visits().await.len(), 1);
        }
        release(&locker).await;
    };
    assert_eq!(tokio::join!(visit, reading).0.status(), StatusCode::OK);
}
