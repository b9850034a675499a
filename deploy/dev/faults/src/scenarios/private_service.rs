//! One of the private service's two replicas becomes unavailable.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use causeway_load::load::{Load, Outcome};

use super::{expect_memory, seconds};
use crate::Result;
use crate::docker::{cut_off as cut, docker};
use crate::system::{System, Wishes, full};
use crate::verdict::Verdict;

const PER_SECOND: u32 = 200;
/// A new replica must have its share so long after DNS has it.
const NOTICED_WITHIN: f64 = 5.0;

async fn lose_one(verdict: &mut Verdict, in_flight: usize, fault: impl AsyncFnOnce(&System) -> Result) -> Result {
    let system = System::start(Wishes::default()).await?;
    let load = Load::start("identity", system.address("frontend").await?, "/ecs-private-service", PER_SECOND);
    seconds(2).await;
    fault(&system).await?;
    seconds(8).await;
    let outcomes = load.stop().await;
    verdict.expect_no_failure(&outcomes, in_flight);
    expect_memory(verdict, &system, "frontend").await
}

/// A request in flight on a killed replica may fail, because its effect is unknown. A read is repeated.
pub async fn killed(verdict: &mut Verdict) -> Result {
    lose_one(verdict, 0, async |_| docker(&["kill", &full("private-1")]).await.map(drop)).await
}

pub async fn paused(verdict: &mut Verdict) -> Result {
    lose_one(verdict, 0, async |_| docker(&["pause", &full("private-1")]).await.map(drop)).await
}

pub async fn cut_off(verdict: &mut Verdict) -> Result {
    lose_one(verdict, 0, async |_| cut(&full("private-1")).await).await
}

/// A replica ends and another one starts, with a new address.
pub async fn replaced(verdict: &mut Verdict) -> Result {
    let system = System::start(Wishes::default()).await?;
    let load = Load::start("identity", system.address("frontend").await?, "/ecs-private-service", PER_SECOND);
    seconds(1).await;
    // The new one first, or the engine would give it the old one's address.
    system.start_private_service("private-3").await?;
    let known = Instant::now();
    docker(&["kill", &full("private-1")]).await?;
    let address = system.address("private-3").await?.ip();
    seconds(7).await;
    let outcomes = load.stop().await;
    verdict.expect_no_failure(&outcomes, 0);
    expect_share(verdict, &outcomes, address, known);
    expect_memory(verdict, &system, "frontend").await
}

/// Half of the requests of any second from the limit on are the new one's, more or less.
fn expect_share(verdict: &mut Verdict, outcomes: &[Outcome], address: IpAddr, known: Instant) {
    let text = format!("\"{address}\"");
    let by_it = |outcome: &&Outcome| matches!(&outcome.result, Ok(answer) if answer.body.contains(&text));
    let first = outcomes.iter().find(by_it);
    let took = first.map_or(f64::INFINITY, |outcome| (outcome.started - known.min(outcome.started)).as_secs_f64());
    verdict.at_most("the new replica is asked after", took, NOTICED_WITHIN, "s");
    let late: Vec<_> =
        outcomes.iter().filter(|outcome| outcome.started > known + Duration::from_secs_f64(NOTICED_WITHIN)).collect();
    let count = late.iter().filter(|outcome| by_it(outcome)).count();
    let percent = count * 100 / late.len().max(1);
    verdict.expect("its share of two", (40..=60).contains(&percent), format!("{percent} %"));
}
