//! `make test-faults`: the system in containers, under a constant load, while one thing after another goes wrong.
//!
//! Every scenario has a separate system. Its promises are checked from the client's side and in the table; see
//! `docs/reliability.md`. An argument runs only the scenarios whose name contains it.

mod docker;
mod scenarios;
mod system;
mod verdict;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use verdict::Verdict;

/// Whatever went wrong with the test itself.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A scenario that takes longer hangs.
const TEST_LIMIT: Duration = Duration::from_secs(150);
const FIGURES: &str = "target/faults.md";

#[tokio::main]
async fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let result = tokio::select! {
        result = run(&wanted) => result,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    system::clean_up();
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tell(&format!("faults: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether everything held.
async fn run(wanted: &str) -> Result<bool> {
    let start = Instant::now();
    let (mut passed, mut failed) = (0, 0);
    let mut figures = "| scenario | promise | last figure |\n|---|---|---|\n".to_owned();
    for name in scenarios::NAMES.into_iter().filter(|name| name.contains(wanted)) {
        let verdict = attempt(name).await;
        tell(&verdict.text());
        figures.push_str(&verdict.rows());
        *(if verdict.held() { &mut passed } else { &mut failed }) += 1;
    }
    std::fs::create_dir_all("target")?;
    std::fs::write(FIGURES, &figures)?;
    tell(&figures);
    tell(&format!("the figures are in {FIGURES}; {} s\n{passed} passed, {failed} failed", start.elapsed().as_secs()));
    Ok(failed == 0 && passed > 0)
}

async fn attempt(name: &'static str) -> Verdict {
    let mut verdict = Verdict::new(name);
    match tokio::time::timeout(TEST_LIMIT, scenarios::run(name, &mut verdict)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => verdict.expect("the test itself runs", false, error.to_string().replace('\n', " ")),
        Err(_) => verdict.expect("the test itself runs", false, format!("not within {TEST_LIMIT:?}")),
    }
    verdict
}

/// Prints a line. A closed reader is no reason to stop.
fn tell(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
