//! What goes wrong, one scenario a name; before it, what is there while nothing does.

mod clients;
mod compose;
mod disk;
mod fail_over;
mod images;
mod postgres;
mod private_service;
mod rolling;
mod throttled;

use std::time::Duration;

use causeway_load::load::Outcome;
use tokio::time::sleep;

use crate::Result;
use crate::docker::peak_memory;
use crate::system::{System, full};
use crate::verdict::Verdict;

/// All of them, in the order in which they run.
pub const NAMES: [&str; 23] = [
    "the image of frontend-api",
    "the image of private-service",
    "compose up and down",
    "postgres killed",
    "postgres stopped",
    "postgres paused 10 s",
    "postgres cut off 10 s",
    "postgres on a new address",
    "postgres fails over",
    "secret rotated while the database is down",
    "private service: replica killed",
    "private service: replica paused",
    "private service: replica cut off",
    "private service: replica replaced",
    "private service: rolling restart",
    "frontend: rolling restart",
    "task metadata throttled to 1/s",
    "disk full",
    "disk slow",
    "100 slow-loris clients",
    "10,000 idle connections",
    "overload: 20 × the clients",
    "overload: 20 × what the database takes",
];

pub async fn run(name: &str, verdict: &mut Verdict) -> Result {
    match name {
        "the image of frontend-api" => images::frontend_api(verdict).await,
        "the image of private-service" => images::private_service(verdict).await,
        "compose up and down" => compose::run(verdict).await,
        "postgres killed" => postgres::killed(verdict).await,
        "postgres stopped" => postgres::stopped(verdict).await,
        "postgres paused 10 s" => postgres::paused(verdict).await,
        "postgres cut off 10 s" => postgres::cut_off(verdict).await,
        "postgres on a new address" => postgres::moved(verdict).await,
        "postgres fails over" => fail_over::run(verdict).await,
        "secret rotated while the database is down" => postgres::rotated(verdict).await,
        "private service: replica killed" => private_service::killed(verdict).await,
        "private service: replica paused" => private_service::paused(verdict).await,
        "private service: replica cut off" => private_service::cut_off(verdict).await,
        "private service: replica replaced" => private_service::replaced(verdict).await,
        "private service: rolling restart" => rolling::private_service(verdict).await,
        "frontend: rolling restart" => rolling::frontend(verdict).await,
        "task metadata throttled to 1/s" => throttled::run(verdict).await,
        "disk full" => disk::full_disk(verdict).await,
        "disk slow" => disk::slow(verdict).await,
        "100 slow-loris clients" => clients::slow_loris(verdict).await,
        "10,000 idle connections" => clients::idle(verdict).await,
        "overload: 20 × the clients" => clients::many(verdict).await,
        "overload: 20 × what the database takes" => clients::slow_database(verdict).await,
        other => Err(format!("no scenario is called {other:?}").into()),
    }
}

async fn seconds(count: u64) {
    sleep(Duration::from_secs(count)).await;
}

/// What every fault of the database must leave true.
async fn expect_sound(verdict: &mut Verdict, system: &System, database: &str, outcomes: &[Outcome]) -> Result {
    verdict.expect_recorded(outcomes, &system.rows(database).await?);
    expect_memory(verdict, system, "frontend").await
}

/// It still runs, within its limit.
async fn expect_memory(verdict: &mut Verdict, system: &System, name: &str) -> Result {
    if system.restarted_or_killed(name).await? {
        verdict.expect("it goes on running", false, system.log(name).await.replace('\n', " "));
        return Ok(());
    }
    verdict.at_most("most memory", peak_memory(&full(name)).await?, 256.0, "MB");
    Ok(())
}

/// For a verdict's figure.
fn list(names: &[impl AsRef<str>]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}
