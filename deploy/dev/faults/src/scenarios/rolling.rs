//! Every service is replaced, one instance after another, as a deployment does it.

use std::net::SocketAddr;

use causeway_load::load::Load;

use super::{expect_memory, seconds};
use crate::Result;
use crate::docker::docker;
use crate::system::{System, Wishes, full};
use crate::verdict::Verdict;

pub async fn private_service(verdict: &mut Verdict) -> Result {
    let system = System::start(Wishes::default()).await?;
    let load = Load::start("identity", system.address("frontend").await?, "/ecs-private-service", 200);
    seconds(1).await;
    for (new, old) in [("private-3", "private-1"), ("private-4", "private-2")] {
        system.start_private_service(new).await?;
        system.until_ready(new).await?;
        // As ECS does: the new task is in DNS for a while before the old one gets SIGTERM.
        seconds(3).await;
        stop(verdict, old).await?;
    }
    seconds(2).await;
    let outcomes = load.stop().await;
    verdict.expect_no_failure(&outcomes, 0);
    expect_memory(verdict, &system, "frontend").await
}

/// The load goes where a load balancer would send it: to the instances that are ready.
pub async fn frontend(verdict: &mut Verdict) -> Result {
    let system = System::start(Wishes::default()).await?;
    let load = Load::start("visit", system.address("frontend").await?, "/", 300);
    seconds(1).await;
    for (new, old) in [("frontend-2", "frontend"), ("frontend-3", "frontend-2")] {
        system.start_frontend(new).await?;
        system.until_ready(new).await?;
        let (before, after) = (system.address(old).await?, system.address(new).await?);
        load.aim(vec![before, after]);
        seconds(1).await;
        let watch = leave_when_unready(&load, &system, old, after);
        let (stopped, left) = tokio::join!(stop(verdict, old), watch);
        stopped.and(left)?;
    }
    seconds(1).await;
    let outcomes = load.stop().await;
    verdict.expect_no_failure(&outcomes, 0);
    verdict.expect_recorded(&outcomes, &system.rows("db").await?);
    expect_memory(verdict, &system, "frontend-3").await
}

/// A load balancer asks `/ready` time and again, and sends nothing more to an instance that denies it.
async fn leave_when_unready(load: &Load, system: &System, old: &str, remaining: SocketAddr) -> Result {
    while matches!(system.send(old, "GET", "/ready", "").await, Ok(answer) if answer.status == 200) {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    load.aim(vec![remaining]);
    Ok(())
}

async fn stop(verdict: &mut Verdict, name: &str) -> Result {
    docker(&["stop", "--time=30", &full(name)]).await?;
    let code = crate::docker::inspect(&full(name), "{{.State.ExitCode}}").await?;
    verdict.expect("SIGTERM ends it with code 0", code == "0", code);
    Ok(())
}
