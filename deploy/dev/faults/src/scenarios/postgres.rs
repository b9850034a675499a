//! The database becomes unavailable and returns.

use std::time::Instant;

use causeway_load::load::Load;

use super::{expect_sound, seconds};
use crate::Result;
use crate::docker::{cut_off as cut, docker, reconnect};
use crate::system::{ELSEWHERE, HOME, System, Wishes, full, secret};
use crate::verdict::Verdict;

const PER_SECOND: u32 = 300;

/// Runs load before, during and after `fault`, which returns when the database could be reached again.
async fn interrupt(verdict: &mut Verdict, fault: impl AsyncFnOnce(&System) -> Result<Instant>) -> Result {
    let system = System::start(Wishes::default()).await?;
    let load = Load::start("visit", system.address("frontend").await?, "/", PER_SECOND);
    seconds(2).await;
    let healed = fault(&system).await?;
    seconds(5).await;
    let outcomes = load.stop().await;
    verdict.expect_polite_refusals(&outcomes, 1);
    verdict.expect_recovery(&outcomes, healed);
    expect_sound(verdict, &system, "db", &outcomes).await
}

pub async fn killed(verdict: &mut Verdict) -> Result {
    interrupt(verdict, async |system| {
        docker(&["kill", "--signal=KILL", &full("db")]).await?;
        seconds(3).await;
        docker(&["start", &full("db")]).await?;
        system.until_database_answers("db").await
    })
    .await
}

pub async fn stopped(verdict: &mut Verdict) -> Result {
    interrupt(verdict, async |system| {
        docker(&["stop", &full("db")]).await?;
        seconds(8).await;
        docker(&["start", &full("db")]).await?;
        system.until_database_answers("db").await
    })
    .await
}

pub async fn paused(verdict: &mut Verdict) -> Result {
    interrupt(verdict, async |_| {
        docker(&["pause", &full("db")]).await?;
        seconds(10).await;
        docker(&["unpause", &full("db")]).await?;
        Ok(Instant::now())
    })
    .await
}

pub async fn cut_off(verdict: &mut Verdict) -> Result {
    interrupt(verdict, async |_| {
        cut(&full("db")).await?;
        seconds(10).await;
        reconnect(&full("db")).await?;
        Ok(Instant::now())
    })
    .await
}

/// As after a restore or a move: the name leads to another address, the old one answers no more.
pub async fn moved(verdict: &mut Verdict) -> Result {
    interrupt(verdict, async |system| {
        docker(&["stop", &full("db")]).await?;
        docker(&["rm", &full("db")]).await?;
        seconds(1).await;
        system.start_database("db", ELSEWHERE, "first").await?;
        Ok(Instant::now())
    })
    .await
}

pub async fn rotated(verdict: &mut Verdict) -> Result {
    interrupt(verdict, async |system| {
        docker(&["stop", &full("db")]).await?;
        docker(&["rm", &full("db")]).await?;
        system.send("stand-ins", "PUT", "/secret", &secret("second")).await?;
        seconds(1).await;
        system.start_database("db", HOME, "second").await?;
        Ok(Instant::now())
    })
    .await
}
