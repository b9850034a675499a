//! The command line: what both services have, and `doctor`.

use std::process::ExitCode;
use std::sync::Arc;

use causeway_common::cli::{self, exit};

use crate::config::Config;
use crate::database::CredentialsProvider;
use crate::doctor::{Doctor, terminal};

/// What this program is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// What private-service can do, too.
    Common(cli::Command),
    /// `doctor [--json] [--watch]`.
    Doctor(terminal::Options),
    /// `doctor --causes`: everything that the doctor tells apart.
    Causes,
}

impl Command {
    /// # Errors
    /// An exit code, after the usage was printed.
    pub fn from_arguments() -> Result<Self, ExitCode> {
        let arguments = cli::arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let command = match arguments[..] {
            ["doctor", "--causes"] => Some(Self::Causes),
            ["doctor", ref options @ ..] => terminal::Options::parse(options).map(Self::Doctor),
            ref arguments => cli::Command::parse(arguments).map(Self::Common),
        };
        command.ok_or_else(|| {
            cli::usage(&format!("{} | doctor [--json] [--watch] | doctor --causes", cli::Command::USAGE))
        })
    }
}

/// Runs the doctor once, or again and again, without a server.
pub async fn doctor(config: Config, options: terminal::Options) -> ExitCode {
    let credentials = Arc::new(CredentialsProvider::new(config.credentials));
    let database = Arc::new(config.database);
    match Doctor::new(config.doctor, database, config.visits.table, credentials, config.private_service.url) {
        Ok(doctor) => match terminal::run(&doctor, options).await {
            // Not by returning: that would wait for a resolver that stays silent, which is what may just have been found.
            Ok(code) => std::process::exit(code),
            Err(error) => exit(Err(error)),
        },
        Err(error) => exit(Err(error)),
    }
}
