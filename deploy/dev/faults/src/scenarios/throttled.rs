//! The task metadata endpoint answers each task one request a second, and refuses the rest.

use std::time::{Duration, Instant};

use causeway_load::load::Load;
use tokio::time::sleep;

use super::seconds;
use crate::Result;
use crate::system::{System, Wishes};
use crate::verdict::Verdict;

/// A new task must know itself by then.
const IDENTITY_LIMIT: Duration = Duration::from_secs(10);

pub async fn run(verdict: &mut Verdict) -> Result {
    let system = System::start(Wishes::default()).await?;
    let load = Load::start("identity", system.address("frontend").await?, "/ecs-private-service", 200);
    seconds(2).await;
    system.send("stand-ins", "PUT", "/rate", "1").await?;
    let learned = identity_of_a_new_task(&system).await?;
    seconds(10).await;
    let outcomes = load.stop().await;
    verdict.expect_no_failure(&outcomes, 0);
    verdict.at_most("a new task knows itself after", learned.as_secs_f64(), IDENTITY_LIMIT.as_secs_f64(), "s");
    Ok(())
}

/// How long it takes until a new task reports its identity.
async fn identity_of_a_new_task(system: &System) -> Result<Duration> {
    system.start_private_service_as("newcomer", "newcomer").await?;
    system.until_ready("newcomer").await?;
    let start = Instant::now();
    while system.send("newcomer", "GET", "/", "").await?.status != 200 && start.elapsed() < IDENTITY_LIMIT * 2 {
        sleep(Duration::from_millis(50)).await;
    }
    Ok(start.elapsed())
}
