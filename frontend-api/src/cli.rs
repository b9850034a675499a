//! The command line: the commands that both services have, and `doctor`.

use std::process::ExitCode;
use std::sync::Arc;

use causeway_common::cli::{self, exit, report};
use causeway_common::config::{Configuration, Environment};

use crate::config::Config;
use crate::database::CredentialsProvider;
use crate::doctor::{Dependencies, Doctor, terminal};

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
    Doctor {
        /// Print one JSON object for each run
        #[arg(long)]
        json: bool,
        /// Run again and again until interrupted
        #[arg(long)]
        watch: bool,
        /// List every cause that the doctor distinguishes, and exit
        #[arg(long, exclusive = true)]
        causes: bool,
    },
}

impl Command {
    /// Runs the command.
    pub async fn run(self) -> ExitCode {
        match self {
            Self::Common(command) => command.run::<Config>().await,
            Self::Doctor { causes: true, .. } => terminal::print_causes(),
            Self::Doctor { json, watch, .. } => match Config::load(&Environment) {
                Ok(config) => doctor(config, terminal::Options { json, watch }).await,
                Err(mistakes) => report(&mistakes),
            },
        }
    }
}

/// Runs the doctor once, or again and again, without a server.
async fn doctor(config: Config, options: terminal::Options) -> ExitCode {
    let dependencies = Dependencies {
        database: Arc::new(config.database),
        table: config.visits.table,
        credentials: Arc::new(CredentialsProvider::new(config.credentials)),
        private_service: config.private_service.url,
    };
    match Doctor::of_service(config.doctor, dependencies) {
        Ok(doctor) => match terminal::run(&doctor, options).await {
            // Not by returning: that would wait for a resolver that stays silent, which may be what was just found.
            Ok(code) => std::process::exit(code),
            Err(error) => exit(Err(error)),
        },
        Err(error) => exit(Err(error)),
    }
}
