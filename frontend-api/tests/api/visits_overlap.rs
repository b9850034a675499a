//! While commits are slow, several batches are committed at once, and each stands for itself.
//!
//! A deferred trigger makes commits slow: the service learns it from visits of "slow", and those of "held" wait at their
//! commit for a lock that the test holds.

use causeway_testing::postgres::TestDatabase;
use causeway_testing::service::Signal;
use reqwest::{Method, Response, StatusCode, header};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::helpers::{App, PATIENCE, count, eventually, problem, spawn_app_with, unavailable};
use crate::people::sign_up;

const TRIGGER: &str = "
    CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.user_agent = 'slow' THEN PERFORM pg_sleep(0.01); ELSE PERFORM pg_advisory_xact_lock_shared(42); END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON access DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.user_agent IN ('slow', 'held')) EXECUTE FUNCTION at_commit()";

/// The commits that wait for the lock.
const HELD: &str = "pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";

/// More than enough for the service to notice.
const SLOW_COMMITS: usize = 64;

struct Slow {
    app: App,
    database: TestDatabase,
    /// Holds the lock.
    locker: Client,
}

impl Slow {
    /// A service that knows that commits are slow.
    async fn spawn(env: &[(&str, &str)]) -> Self {
        let patient = [("REQUEST_TIMEOUT_MS", "300000"), ("DB_QUERY_TIMEOUT_MS", "300000")];
        let (app, database) = spawn_app_with(&[&patient, env].concat()).await;
        let locker = database.client().await;
        locker.batch_execute(TRIGGER).await.unwrap();
        for _ in 0..SLOW_COMMITS {
            app.registered("slow").await;
        }
        locker.batch_execute("TRUNCATE access").await.unwrap();
        locker.execute("SELECT pg_advisory_lock(42)", &[]).await.unwrap();
        Self { app, database, locker }
    }

    fn send(&self) -> JoinHandle<Response> {
        let request = self.app.prepare(Method::GET, "/").header(header::USER_AGENT, "held");
        tokio::spawn(async { request.send().await.unwrap() })
    }

    async fn until_held(&self, commits: i64) {
        eventually("commits wait", async || (count(&self.locker, HELD).await == commits).then_some(())).await;
    }

    /// Sends visits, each of which waits at its own commit.
    async fn held(&self, visits: i64) -> Vec<JoinHandle<Response>> {
        let mut held = Vec::new();
        for number in 1..=visits {
            held.push(self.send());
            self.until_held(number).await;
        }
        held
    }

    async fn release(&self) {
        self.locker.execute("SELECT pg_advisory_unlock(42)", &[]).await.unwrap();
    }

    async fn stored(&self) -> i64 {
        count(&self.locker, "access").await
    }
}

async fn assert_registered(visits: Vec<JoinHandle<Response>>) {
    for visit in visits {
        assert_eq!(visit.await.unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn while_commits_are_slow_several_are_under_way_and_other_requests_have_connections() {
    let slow = Slow::spawn(&[("DB_POOL_SIZE", "8")]).await;
    let visits = slow.held(3).await;
    // Of the four connections that single requests share, two are borrowed.
    assert_eq!(sign_up(&slow.app, "someone@example.com", "a password for tests").await.status(), StatusCode::CREATED);
    assert_eq!(slow.app.recent_visits().await.len(), 0);
    assert!(visits.iter().all(|visit| !visit.is_finished()), "answered before its commit");
    assert_eq!(slow.stored().await, 0);
    slow.release().await;
    assert_registered(visits).await;
    assert_eq!(slow.stored().await, 3);
}

#[tokio::test]
async fn in_a_pool_without_a_spare_connection_one_commit_is_under_way_however_slow_it_is() {
    let slow = Slow::spawn(&[("DB_POOL_SIZE", "5"), ("QUEUE_CAPACITY", "1")]).await;
    let mut visits = slow.held(1).await;
    // One of them gets the only place in the queue. A second commit would take it, and one more of the others could wait.
    visits.extend((0..8).map(|_| slow.send()));
    let refused = async || (visits.iter().filter(|visit| visit.is_finished()).count() == 7).then_some(());
    eventually("all but two are refused", refused).await;
    slow.until_held(1).await;
    slow.release().await;
    let mut registered = 0;
    for visit in visits {
        let answer = visit.await.unwrap();
        if answer.status() == StatusCode::OK {
            registered += 1;
        } else {
            unavailable(answer, "queue-full").await;
        }
    }
    assert_eq!((registered, slow.stored().await), (2, 2));
}

#[tokio::test]
async fn while_a_batch_waits_for_a_connection_the_visits_before_it_are_answered() {
    let slow = Slow::spawn(&[("DB_POOL_SIZE", "8")]).await;
    let mut visits = slow.held(1).await;
    let users = slow.database.client().await;
    users.batch_execute("BEGIN; LOCK TABLE users IN EXCLUSIVE MODE").await.unwrap();
    let sign_up = |email| sign_up(&slow.app, email, "a password for tests");
    let visits = async {
        // They have half of the connections that single requests share, so that a batch may borrow none.
        let blocked = "pg_locks WHERE relation = 'users'::regclass AND NOT granted";
        eventually("users wait", async || (count(&slow.locker, blocked).await == 2).then_some(())).await;
        visits.push(slow.send());
        let waits = async || {
            let metrics = slow.app.get("/metrics").await.text().await.unwrap();
            metrics.contains("causeway_database_waiting 1").then_some(())
        };
        eventually("a batch waits for a connection", waits).await;
        slow.release().await;
        assert_registered(visits).await;
        assert_eq!(slow.stored().await, 2);
        users.batch_execute("ROLLBACK").await.unwrap();
    };
    let (one, other, ()) = tokio::join!(sign_up("one@example.com"), sign_up("other@example.com"), visits);
    assert_eq!([one.status(), other.status()], [StatusCode::CREATED; 2]);
}

#[tokio::test]
async fn a_connection_that_is_lost_in_a_commit_fails_the_visits_of_that_commit_alone() {
    let slow = Slow::spawn(&[("DB_POOL_SIZE", "8")]).await;
    let mut visits = slow.held(3).await;
    let first = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                 AND wait_event = 'advisory' ORDER BY query_start LIMIT 1";
    slow.locker.execute(first, &[]).await.unwrap();
    let answer =
        problem(visits.remove(0).await.unwrap(), StatusCode::SERVICE_UNAVAILABLE, "database-unavailable").await;
    assert_eq!(answer["detail"], "It is unknown whether the visit was recorded; try again later.");
    slow.release().await;
    assert_registered(visits).await;
    assert_eq!(slow.stored().await, 2, "the lost one is not repeated");
}

#[tokio::test]
async fn at_sigterm_all_commits_under_way_are_awaited() {
    let mut slow = Slow::spawn(&[("DB_POOL_SIZE", "8")]).await;
    let visits = slow.held(3).await;
    slow.app.service.signal(Signal::SIGTERM);
    slow.app.service.wait_for_log(|line| line["message"] == "draining", PATIENCE).await;
    slow.release().await;
    assert_registered(visits).await;
    assert!(slow.app.service.wait().await.success());
    assert_eq!(slow.stored().await, 3);
}
