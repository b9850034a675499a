//! The database's disk is full, or slow.

use std::io::Write;
use std::time::Instant;

use causeway_load::load::Load;

use super::{expect_sound, seconds};
use crate::Result;
use crate::docker::docker;
use crate::system::{System, Wishes, full};
use crate::verdict::Verdict;

/// The data directory is a separate file system, and something else fills it.
pub async fn full_disk(verdict: &mut Verdict) -> Result {
    let volume = full("db");
    crate::system::clean_up();
    docker(&["volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=160m", &volume])
        .await?;
    crate::system::hold(&volume).await?;
    let system = System::start_keeping_volumes(Wishes::default()).await?;
    let load = Load::start("visit", system.address("frontend").await?, "/", 300);
    seconds(2).await;

    let mountpoint = docker(&["volume", "inspect", "--format", "{{.Mountpoint}}", &volume]).await?;
    let ballast = format!("{mountpoint}/ballast");
    fill(&ballast)?;
    seconds(8).await;
    std::fs::remove_file(&ballast)?;
    // A server that could not continue has ended; it is started again once there is room.
    docker(&["start", &full("db")]).await?;
    let healed = system.until_database_answers("db").await?;

    seconds(5).await;
    let outcomes = load.stop().await;
    verdict.expect_polite_refusals(&outcomes, 1);
    verdict.expect_recovery(&outcomes, healed);
    expect_sound(verdict, &system, "db", &outcomes).await
}

fn fill(path: &str) -> Result {
    let mut file = std::fs::File::create(path)?;
    let block = vec![0; 64 * 1024];
    loop {
        match file.write_all(&block) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Twenty writes a second: a commit takes its time, and group commit makes up for it.
pub async fn slow(verdict: &mut Verdict) -> Result {
    let device =
        crate::docker::run("findmnt", &["--noheadings", "--output=SOURCE", "--target=/var/lib/docker"]).await?;
    let limit: &'static str = format!("--device-write-iops={}:20", device.split('[').next().unwrap_or_default()).leak();
    let system = System::start(Wishes { database: vec![limit], ..Wishes::default() }).await?;
    let start = Instant::now();
    let load = Load::start("visit", system.address("frontend").await?, "/", 300);
    seconds(10).await;
    let outcomes = load.stop().await;
    let answered = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let commits = system.sql("db", "SELECT count(DISTINCT xmin::text) FROM access").await?;
    let seconds = start.elapsed().as_secs_f64();
    let figure = format!("{:.0}/s in {commits} commits within {seconds:.0} s", super::count(answered) / seconds);
    verdict.expect("group commit keeps up", answered == outcomes.len(), figure);
    verdict.expect_no_failure(&outcomes, 0);
    expect_sound(verdict, &system, "db", &outcomes).await
}
