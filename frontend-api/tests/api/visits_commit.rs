//! "Registered" means committed. In PostgreSQL's extended protocol the answer to an INSERT comes before its commit, so these
//! tests let a deferred constraint decide at the commit itself.

use std::pin::pin;

use causeway_testing::postgres::TestDatabase;
use futures_util::poll;
use reqwest::StatusCode;
use serde_json::Value;

use crate::helpers::{App, count, eventually, problem, spawn_app_with};

/// Runs this PL/pgSQL at the commit of each visit of "the odd one".
async fn at_commit(database: &TestDatabase, body: &str) {
    let sql = format!(
        "CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON access DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
         WHEN (NEW.user_agent = 'the odd one') EXECUTE FUNCTION at_commit()"
    );
    database.client().await.batch_execute(&sql).await.unwrap();
}

async fn spawn() -> (App, TestDatabase) {
    spawn_app_with(&[("REQUEST_TIMEOUT_MS", "300000"), ("DB_QUERY_TIMEOUT_MS", "300000")]).await
}

#[tokio::test]
async fn no_answer_comes_before_the_commit() {
    let (app, database) = spawn().await;
    at_commit(&database, "PERFORM pg_advisory_xact_lock(42)").await;
    let other = database.client().await;
    other.execute("SELECT pg_advisory_lock(42)", &[]).await.unwrap();
    let mut visit = pin!(app.register("the odd one"));
    let at_the_commit = async || {
        assert!(poll!(&mut visit).is_pending(), "answered before its commit");
        let sql =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";
        (other.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 1).then_some(())
    };
    eventually("the commit waits", at_the_commit).await;
    // The INSERT is done, and a service that took its answer for the commit's would have had every chance to say so.
    app.health().await;
    assert!(poll!(&mut visit).is_pending(), "answered before its commit");
    assert_eq!(count(&other, "access").await, 0);
    other.execute("SELECT pg_advisory_unlock(42)", &[]).await.unwrap();
    assert_eq!(visit.await.status(), StatusCode::OK);
    assert_eq!(count(&other, "access").await, 1);
}

#[tokio::test]
async fn a_visit_that_is_refused_at_the_commit_leaves_its_neighbours_alone() {
    let (app, database) = spawn().await;
    at_commit(&database, "RAISE EXCEPTION 'not this one' USING ERRCODE = '23514'").await;
    let visitors = ["one", "the odd one", "two", "three"];
    let answers = futures_util::future::join_all(visitors.map(|visitor| app.register(visitor))).await;
    for (visitor, answer) in visitors.into_iter().zip(answers) {
        if visitor == "the odd one" {
            problem(answer, StatusCode::UNPROCESSABLE_ENTITY, "visit-refused").await;
        } else {
            assert_eq!(answer.status(), StatusCode::OK, "{visitor}");
        }
    }
    let client = database.client().await;
    assert_eq!(count(&client, "access").await, 3);
    assert_eq!(count(&client, "access WHERE user_agent = 'the odd one'").await, 0);
}

/// The visit is answered with 503 and this detail, is not in the table, and later ones are recorded.
async fn assert_fails_at_the_commit(body: &str, detail: &str) {
    let (app, database) = spawn().await;
    at_commit(&database, body).await;
    let answer = app.register("the odd one").await;
    let retry_after = answer.headers().contains_key("retry-after");
    let answer: Value = problem(answer, StatusCode::SERVICE_UNAVAILABLE, "database-unavailable").await;
    assert!(retry_after);
    assert_eq!(answer["detail"], detail);
    eventually("a visit is registered", async || {
        (app.register("afterwards").await.status() == StatusCode::OK).then_some(())
    })
    .await;
    let client = database.client().await;
    assert_eq!(count(&client, "access WHERE user_agent = 'the odd one'").await, 0);
    assert_eq!(count(&client, "access").await, 1);
}

#[tokio::test]
async fn a_commit_that_fails_is_a_failure_of_which_it_is_known_that_nothing_was_recorded() {
    let detail = "The visit was not recorded; try again later.";
    assert_fails_at_the_commit("RAISE EXCEPTION 'a fault' USING ERRCODE = 'XX000'", detail).await;
}

#[tokio::test]
async fn a_session_that_ends_in_its_commit_leaves_the_outcome_unknown_and_the_service_well() {
    let detail = "It is unknown whether the visit was recorded; try again later.";
    assert_fails_at_the_commit("PERFORM pg_terminate_backend(pg_backend_pid())", detail).await;
}
