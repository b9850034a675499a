//! What the services' command lines share: their commands and exit codes.

use std::process::ExitCode;
use std::time::Duration;

use crate::config::{ConfigErrors, Lookup, VariableError, Vars};
use crate::http::client;
use crate::http::server::ServerConfig;
use crate::telemetry;
use crate::telemetry::chain;

/// `EX_USAGE` of sysexits.h: the configuration is wrong; trying again does not help.
pub const EXIT_CONFIGURATION: u8 = 64;
const HEALTH_LIMIT: Duration = Duration::from_secs(2);

/// What a service's program is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// No argument: serve.
    Serve,
    /// `health`: see [`check_health`].
    Health,
    /// `config --check`: see [`check_config`].
    CheckConfig,
}

impl Command {
    /// How to call it, for [`usage`].
    pub const USAGE: &str = "health | config --check";

    /// The command that `arguments` name, if they name one.
    pub fn parse(arguments: &[&str]) -> Option<Self> {
        match arguments {
            [] => Some(Self::Serve),
            ["health"] => Some(Self::Health),
            ["config", "--check"] => Some(Self::CheckConfig),
            _ => None,
        }
    }
}

/// What follows the program's name. What is not Unicode is no command anyway.
pub fn arguments() -> Vec<String> {
    std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// Tells how to call the program.
#[expect(clippy::print_stderr, reason = "the usage belongs there")]
pub fn usage(commands: &str) -> ExitCode {
    eprintln!("usage: [{commands}]; without a command it serves");
    ExitCode::from(EXIT_CONFIGURATION)
}

/// Prints the mistakes to standard error: there is no log yet.
#[expect(clippy::print_stderr, reason = "logging is configured by what is being reported as wrong")]
pub fn report(errors: &ConfigErrors) -> ExitCode {
    eprintln!("{errors}");
    ExitCode::from(EXIT_CONFIGURATION)
}

/// Writes the last of the log, and prints why the service ended when it did not end well.
#[expect(clippy::print_stderr, reason = "the last words must reach whoever turned logging off, too")]
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

/// `config --check`: whether `load` accepts the environment, and every variable that it knows, as one JSON object.
#[expect(clippy::print_stdout, reason = "the report is what the command is for")]
pub fn check_config<T>(lookup: &dyn Lookup, load: impl FnOnce(&mut Vars<'_>) -> Option<T>) -> ExitCode {
    let mut vars = Vars::new(lookup);
    let loaded = load(&mut vars);
    let variables = vars.known().collect();
    let errors = vars.finish(loaded).err().map(|errors| errors.0).unwrap_or_default();
    let report = CheckReport { valid: errors.is_empty(), errors: &errors, variables };
    println!("{}", serde_json::to_string(&report).expect("a struct of strings is always JSON"));
    if report.valid { ExitCode::SUCCESS } else { ExitCode::from(EXIT_CONFIGURATION) }
}

/// `health`: asks the server of this machine for `/health`, for container health checks without a shell.
#[expect(clippy::print_stderr, reason = "the container engine shows it as the check's output")]
pub async fn check_health(server: &ServerConfig) -> ExitCode {
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
