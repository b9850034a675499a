//! The writer becomes a reader: what Aurora's fail-over looks like from outside.

use std::time::Instant;

use causeway_load::load::Load;

use super::{expect_sound, seconds};
use crate::Result;
use crate::system::{ELSEWHERE, HOME, System, Wishes};
use crate::verdict::Verdict;

/// A replica is promoted and takes over the name; the old primary goes on, read-only, its connections open. Commits wait
/// for the replica, as Aurora's wait for the storage that its instances share: nothing confirmed is lost.
pub async fn run(verdict: &mut Verdict) -> Result {
    let system = System::start(Wishes::default()).await?;
    start_replica(&system).await?;
    let load = Load::start("visit", system.address("frontend").await?, "/", 300);
    seconds(3).await;

    system.sql("db", "ALTER SYSTEM SET default_transaction_read_only = on").await?;
    system.sql("db", "ALTER SYSTEM SET synchronous_standby_names = ''").await?;
    system.sql("db", "SELECT pg_reload_conf()").await?;
    system.sql("replica", "SELECT pg_promote()").await?;
    system.rename("db", HOME, "former").await?;
    system.rename("replica", ELSEWHERE, "db").await?;
    let healed = Instant::now();

    seconds(6).await;
    let outcomes = load.stop().await;
    verdict.expect_polite_refusals(&outcomes, 1);
    verdict.expect_recovery(&outcomes, healed);
    expect_sound(verdict, &system, "replica", &outcomes).await
}

/// Both begin with the data directory of the image, so the replica needs no copy of the primary.
async fn start_replica(system: &System) -> Result {
    let follow = ": >$PGDATA/standby.signal; exec postgres \"$@\" '-clisten_addresses=*' \
        '-cprimary_conninfo=host=10.213.7.10 user=postgres password=first application_name=replica'";
    let arguments = ["--network-alias", "replica", "--entrypoint", "/bin/sh"];
    system.run_database("replica", ELSEWHERE, &arguments, &["-c", follow, "sh"]).await?;
    system.until_database_answers("replica").await?;
    while system.sql("db", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'").await? != "1" {
        seconds(1).await;
    }
    system.sql("db", "ALTER SYSTEM SET synchronous_standby_names = 'replica'").await?;
    system.sql("db", "SELECT pg_reload_conf()").await.map(drop)
}
