//! The task metadata endpoint answers one request a second, and refuses the rest.

use super::seconds;
use crate::Result;
use crate::load::Load;
use crate::system::{System, Wishes};
use crate::verdict::Verdict;

pub async fn run(verdict: &mut Verdict) -> Result {
    let system = System::start(Wishes::default()).await?;
    let load = Load::start("identity", system.address("frontend").await?, "/ecs-private-service", 200);
    seconds(2).await;
    system.send("stand-ins", "PUT", "/rate", "1").await?;
    seconds(12).await;
    let outcomes = load.stop().await;
    verdict.expect_no_failure(&outcomes, 0);
    Ok(())
}
