//! `make run`: starts the whole system on this machine, and stops it at Ctrl-C or SIGTERM.

use std::io::Write;
use std::process::ExitCode;

use causeway_common::cli::{EXIT_USAGE, report};
use causeway_common::config::Environment;
use causeway_common::shutdown;
use causeway_local::settings::Settings;
use causeway_local::system::System;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let settings = match Settings::load(&Environment) {
        Ok(settings) => settings,
        Err(errors) => return report(&errors),
    };
    if let Err(problems) = settings.wait_for_ports().await {
        complain(&problems);
        return ExitCode::from(EXIT_USAGE);
    }
    let requested = match shutdown::requested() {
        Ok(requested) => requested,
        Err(error) => {
            complain(&format!("no signal handlers: {error}"));
            return ExitCode::FAILURE;
        }
    };
    run(&settings, requested).await
}

async fn run(settings: &Settings, requested: impl Future<Output = &'static str>) -> ExitCode {
    let mut system = System::default();
    tell("starting:");
    let problem = tokio::select! {
        problem = system.run(settings, tell) => Some(problem),
        signal = requested => {
            tell(&format!("{signal}: stopping"));
            None
        }
    };
    if let Some(problem) = &problem {
        complain(&format!("{problem}; stopping the rest"));
    }
    let stopped = system.stop().await;
    if let Err(problems) = &stopped {
        complain(problems);
    }
    if problem.is_none() && stopped.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a line. A closed reader, as of `make run | head`, is no reason to stop.
fn tell(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "local: {text}");
}
