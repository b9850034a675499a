//! The command line: the commands that both services have, and `doctor`.

use std::process::ExitCode;
use std::sync::Arc;

use causeway_common::cli::{self, EXIT_USAGE, exit, report, report_as_json};
use causeway_common::config::{Configuration, Environment};

use crate::config::Config;
use crate::database::CredentialsProvider;
use crate::doctor::Dependencies;
use crate::doctor::command::{self, CommandError, Options};

/// Serves the public API, or runs a command.
#[derive(Debug, clap::Parser)]
#[command(
    version,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 success, 1 failure, 64 wrong usage or configuration."
)]
pub struct Arguments {
    /// Without a command the service serves.
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    #[command(flatten)]
    Common(cli::Command),
    /// Check every dependency once, and report the hop that failed
    Doctor(Box<Options>),
}

impl Command {
    /// Runs the command.
    pub async fn run(self) -> ExitCode {
        match self {
            Self::Common(command) => command.run::<Config>().await,
            Self::Doctor(options) if options.causes => command::print_causes(),
            Self::Doctor(options) => doctor(*options).await,
        }
    }
}

/// Runs the doctor once, or again and again, without a server.
async fn doctor(options: Options) -> ExitCode {
    let result = if options.target.is_empty() {
        match Config::load(&Environment) {
            Ok(config) => {
                let dependencies = Dependencies {
                    database: Arc::new(config.database),
                    table: config.visits.table,
                    credentials: Arc::new(CredentialsProvider::new(config.credentials)),
                    private_service: config.private_service.url,
                    service: None,
                };
                options.run(config.doctor, dependencies).await
            }
            Err(mistakes) if options.json => return report_as_json(&mistakes),
            Err(mistakes) => return report(&mistakes),
        }
    } else {
        options.run_on_targets().await
    };
    match result {
        // Not by returning: that would wait for a resolver that stays silent, which may be what was just found.
        Ok(code) => std::process::exit(code.into()),
        Err(error @ CommandError::Unknown(..)) => {
            let _ = exit(Err(error));
            ExitCode::from(EXIT_USAGE)
        }
        Err(error) => exit(Err(error)),
    }
}
