//! `frontend-api doctor`: the report at a terminal, in a one-off ECS task or in CI.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::config::{Target, parse_target};
use super::report::{Outcome, Report};
use super::{Check, Dependencies, Doctor, DoctorConfig, FRESH_FOR, NoReport, RUN_LIMIT, causes, checks, terminal};

const LONGEST_RUN: u64 = 60;
const LONGEST_WAIT: u64 = 3600;

/// The command's options.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Print one JSON object for each run, also for a mistake in the configuration
    #[arg(long)]
    pub json: bool,
    /// Run again and again until interrupted
    #[arg(long, conflicts_with = "wait")]
    watch: bool,
    /// List every cause that the doctor distinguishes, and exit
    #[arg(long, exclusive = true)]
    pub causes: bool,
    /// Run again until no check fails, for this many seconds at most; print the last report
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=LONGEST_WAIT))]
    wait: Option<u64>,
    /// End each run after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = RUN_LIMIT.as_secs(), value_parser = clap::value_parser!(u64).range(1..=LONGEST_RUN))]
    timeout: u64,
    /// Run these checks alone: database, private-service, secrets-manager, target, or a target as it is configured
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
    /// Leave these checks out
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    skip: Vec<String>,
    /// Check this and nothing else, without any configuration; can be repeated
    #[arg(long, value_name = "HOST:PORT or URL", value_parser = target, conflicts_with_all = ["only", "skip"])]
    pub target: Vec<Target>,
    /// Exit with 1 for this, too
    #[arg(long, value_name = "OUTCOME")]
    fail_on: Option<FailOn>,
}

/// What makes the command fail besides a failed check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    Warning,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No HTTP client can be made.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
    /// `--only` or `--skip` names something that is not checked.
    #[error("{0:?} is not checked here; there are: {1}")]
    Unknown(String, String),
    /// A run ended early.
    #[error(transparent)]
    NoReport(#[from] NoReport),
    /// Standard output can't be written to.
    #[error("the report can't be written")]
    Output(#[source] io::Error),
}

/// The error quotes no part of the target: a URL can hold a password.
fn target(text: &str) -> Result<Target, String> {
    parse_target(text).map_err(|_| "neither host:port nor an http(s) URL without user info".to_owned())
}

impl Options {
    /// Runs the doctor on the service's configuration, and prints its report. Returns the exit code.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn run(self, config: DoctorConfig, dependencies: Dependencies) -> Result<u8, CommandError> {
        let mut list = checks::all(config.targets, dependencies)?;
        self.choose(&mut list)?;
        self.report(&Doctor::new(config.revision, list, self.limit())).await
    }

    /// Runs the doctor on `--target` alone.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn run_on_targets(self) -> Result<u8, CommandError> {
        let list = checks::of_targets(self.target.clone())?;
        self.report(&Doctor::new(None, list, self.limit())).await
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Leaves the checks that `--only` and `--skip` leave.
    fn choose(&self, list: &mut Vec<Box<dyn Check>>) -> Result<(), CommandError> {
        let names: Vec<String> = list.iter().map(|check| name(check.as_ref())).collect();
        if let Some(unknown) = self.only.iter().chain(&self.skip).find(|&asked| !names.contains(asked)) {
            return Err(CommandError::Unknown(unknown.clone(), names.join(", ")));
        }
        list.retain(|check| {
            let name = name(check.as_ref());
            (self.only.is_empty() || self.only.contains(&name)) && !self.skip.contains(&name)
        });
        Ok(())
    }

    async fn report(&self, doctor: &Doctor) -> Result<u8, CommandError> {
        let end = self.wait.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        loop {
            let report = doctor.report().await?;
            let pause = FRESH_FOR + Duration::from_millis(100);
            let waits = end.is_some_and(|end| self.fails(&report) && Instant::now() + pause < end);
            if !waits {
                let is_read = self.print(&report)?;
                if !is_read || !self.watch {
                    return Ok(u8::from(self.fails(&report)));
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn fails(&self, report: &Report) -> bool {
        match report.verdict.outcome {
            Outcome::Failed => true,
            Outcome::Warning => self.fail_on == Some(FailOn::Warning),
            Outcome::Ok | Outcome::Skipped => false,
        }
    }

    /// Returns false if nobody reads any more.
    fn print(&self, report: &Report) -> Result<bool, CommandError> {
        let text = if self.json {
            serde_json::to_string(report).expect("a report of strings and numbers is always JSON")
        } else {
            terminal::render(report, wants_colour())
        };
        write_line(&text)
    }
}

/// Returns the check's name as the command line has it.
fn name(check: &dyn Check) -> String {
    check.subject().to_string().replace(' ', "-")
}

/// See <https://no-color.org>.
fn wants_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    io::stdout().is_terminal() && !refused && !dumb
}

fn write_line(text: &str) -> Result<bool, CommandError> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Ok(()) => Ok(true),
        // As `head` does: what it has read is all that it wants.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(CommandError::Output(error)),
    }
}

/// Prints everything that the doctor distinguishes.
pub fn print_causes() -> ExitCode {
    match write_line(causes::table().trim_end()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
