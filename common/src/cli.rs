//! The commands and exit codes that both services have.

use std::process::ExitCode;
use std::time::Duration;

use crate::config::{ConfigErrors, Configuration, Environment, VariableError, Vars, effective, list};
use crate::http::client;
use crate::http::server::ServerConfig;
use crate::telemetry;
use crate::telemetry::chain;

/// `EX_USAGE` of sysexits.h: the command line or the configuration is wrong, and trying again does not help.
pub const EXIT_USAGE: u8 = 64;
const HEALTH_LIMIT: Duration = Duration::from_secs(2);

/// The commands of every service. Without a command, a service serves.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum Command {
    /// Ask the server on this machine for /health, and exit with 0 if it answers 200
    Health,
    /// Check the configuration, or print it
    Config {
        /// Print all mistakes and the names of all variables as JSON
        #[arg(long, required_unless_present = "print", conflicts_with = "print")]
        check: bool,
        /// Print the value of each variable without secrets, and where it comes from
        #[arg(long)]
        print: bool,
    },
    /// Explain the variables
    Help {
        /// What to explain
        #[command(subcommand)]
        topic: Topic,
    },
}

/// What `help` explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Subcommand)]
pub enum Topic {
    /// List every environment variable with its values and its default
    Variables {
        /// Print tables for a Markdown document
        #[arg(long)]
        markdown: bool,
    },
}

/// Parses the command line.
///
/// # Errors
/// Returns the exit code after the help, the version or the mistake was printed.
pub fn parse<P: clap::Parser>() -> Result<P, ExitCode> {
    P::try_parse().map_err(|error| match error.print() {
        Ok(()) if !error.use_stderr() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(EXIT_USAGE),
        Err(_) => ExitCode::FAILURE,
    })
}

impl Command {
    /// Runs the command for the service with the configuration `C`.
    pub async fn run<C: Configuration>(self) -> ExitCode {
        match self {
            Self::Health => match C::load(&Environment) {
                Ok(config) => check_health(config.server()).await,
                Err(mistakes) => report(&mistakes),
            },
            Self::Config { print: true, .. } => print_config::<C>(),
            Self::Config { .. } => check_config::<C>(),
            Self::Help { topic: Topic::Variables { markdown } } => print_variables::<C>(markdown),
        }
    }
}

/// Prints the mistakes to standard error: there is no log yet.
#[expect(clippy::print_stderr, reason = "logging is configured by what is being reported as wrong")]
pub fn report(errors: &ConfigErrors) -> ExitCode {
    eprintln!("{errors}");
    ExitCode::from(EXIT_USAGE)
}

/// Writes the rest of the log and, if the service failed, prints why.
#[expect(clippy::print_stderr, reason = "this must be seen even if logging is turned off")]
pub fn exit(result: Result<(), impl std::error::Error + 'static>) -> ExitCode {
    telemetry::flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

#[derive(serde::Serialize)]
struct CheckReport<'a> {
    valid: bool,
    errors: &'a [VariableError],
    variables: Vec<&'static str>,
}

/// Prints whether the environment is accepted, and the names of all variables, as one JSON object.
#[expect(clippy::print_stdout, reason = "the report is what the command is for")]
fn check_config<C: Configuration>() -> ExitCode {
    let mut vars = Vars::new(&Environment);
    let config = C::read(&mut vars);
    let errors = vars.finish(config).err().map(|errors| errors.0).unwrap_or_default();
    let report =
        CheckReport { valid: errors.is_empty(), errors: &errors, variables: list::names(C::VARIABLES).collect() };
    println!("{}", serde_json::to_string(&report).expect("a struct of strings is always JSON"));
    if report.valid { ExitCode::SUCCESS } else { ExitCode::from(EXIT_USAGE) }
}

/// Prints what the service would run with.
#[expect(clippy::print_stdout, reason = "the list is what the command is for")]
fn print_config<C: Configuration>() -> ExitCode {
    match C::load(&Environment) {
        Ok(config) => {
            print!("{}", effective(C::VARIABLES, &Environment, &config.derived(&Environment)));
            ExitCode::SUCCESS
        }
        Err(mistakes) => report(&mistakes),
    }
}

#[expect(clippy::print_stdout, reason = "the list is what the command is for")]
fn print_variables<C: Configuration>(markdown: bool) -> ExitCode {
    if markdown {
        print!("{}", list::to_markdown(C::SERVICE, C::VARIABLES));
    } else {
        print!("{}", list::to_text(C::VARIABLES));
    }
    ExitCode::SUCCESS
}

/// Asks the server of this machine for `/health`, for container health checks without a shell.
#[expect(clippy::print_stderr, reason = "the container engine shows it as the check's output")]
async fn check_health(server: &ServerConfig) -> ExitCode {
    let url = format!("http://{}/health", server.local_address());
    let client = match client::builder(HEALTH_LIMIT).timeout(HEALTH_LIMIT).build() {
        Ok(client) => client,
        Err(error) => return exit(Err(error)),
    };
    match client.get(&url).send().await.and_then(reqwest::Response::error_for_status) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{url}: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}
