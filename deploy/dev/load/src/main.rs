//! `open-load ADDRESS PATH PER_SECOND SECONDS`: an open load on one address, for the bench. Prints JSON with the percentiles
//! of the time from when a request was due to its answer, in microseconds.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use causeway_load::load::Load;
use tokio::time::sleep;

/// The connections are opened meanwhile; it is left out.
const WARM_UP: Duration = Duration::from_secs(1);
const USAGE: &str = "usage: open-load ADDRESS PATH PER_SECOND SECONDS";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "open-load: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [address, path, per_second, seconds] = arguments.as_slice() else { return Err(USAGE.into()) };
    let (address, per_second): (SocketAddr, u32) = (address.parse()?, per_second.parse()?);
    let load = Load::start("open-load", address, path, per_second);
    sleep(WARM_UP + Duration::from_secs(seconds.parse()?)).await;
    let outcomes = load.stop().await;
    let failed = outcomes.iter().filter(|outcome| !outcome.is_ok());
    if let Some(first) = failed.clone().next() {
        let reason = match &first.result {
            Ok(answer) => format!("{}: {}", answer.status, answer.body),
            Err(reason) => reason.clone(),
        };
        return Err(format!("{} of {} requests failed, first with {reason}", failed.count(), outcomes.len()).into());
    }
    let Some(begun) = outcomes.first().map(|outcome| outcome.started + WARM_UP) else {
        return Err("nothing was sent".into());
    };
    let mut took: Vec<_> =
        outcomes.iter().filter(|outcome| outcome.started >= begun).map(|one| one.took.as_micros()).collect();
    took.sort_unstable();
    let percentile = |percent: usize| took.get(took.len() * percent / 100).copied().unwrap_or_default();
    let (requests, p50, p99) = (took.len(), percentile(50), percentile(99));
    writeln!(std::io::stdout(), r#"{{"requests": {requests}, "p50": {p50}, "p99": {p99}}}"#)?;
    Ok(())
}
