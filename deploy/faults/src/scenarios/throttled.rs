//! The task metadata endpoint answers one request a second, and refuses the rest.

use std::time::Instant;

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

    // A task that starts meanwhile has nothing to serve yet.
    system.start_private_service("private-3").await?;
    let start = Instant::now();
    let mut answered = false;
    while !answered && start.elapsed().as_secs() < 30 {
        let answer = system.send("private-3", "GET", "/", "").await;
        answered = matches!(&answer, Ok(answer) if answer.status == 200);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let took = if answered { start.elapsed().as_secs_f64() } else { f64::INFINITY };
    verdict.at_most("a task that starts then knows itself after", took, 20.0, "s");
    Ok(())
}
