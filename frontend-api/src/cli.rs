//! The command line: the commands that both services have, and `doctor`.

use std::process::ExitCode;
use std::sync::Arc;

use causeway_common::cli::{self, EXIT_USAGE, exit, report};
use causeway_common::config::{ConfigErrors, Configuration, Environment, Vars};

use crate::app;
use crate::aws::Aws;
use crate::config::Config;
use crate::database::{CredentialsProvider, DatabaseConfig};
use crate::diaries::DiariesConfig;
use crate::doctor::command::{self, CommandError, Options};
use crate::doctor::{DatabaseDependency, Dependencies, DoctorConfig, ServiceTables, Tables};
use crate::private_service::PrivateServiceConfig;
use crate::visits::VisitsConfig;

/// Serves the public API, or runs a command.
#[derive(Debug, clap::Parser)]
#[command(
    version,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 success, 1 failure, 64 wrong usage or configuration."
)]
pub struct Arguments {
    /// Without a command, the service serves.
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

/// Checks, from where it runs, every hop to databases, buckets and hosts, and reports the one that failed.
///
/// Without --target, --postgres, --postgres-secret and --s3, it checks what the variables of Causeway's frontend-api name.
#[derive(Debug, clap::Parser)]
#[command(
    name = "doctor",
    version,
    after_help = "Exit codes: 0 no check failed, 1 a check failed, 64 wrong usage or configuration."
)]
pub struct DoctorArguments {
    #[command(flatten)]
    pub options: Options,
}

impl Command {
    /// Runs the command.
    pub async fn run(self) -> ExitCode {
        match self {
            Self::Common(command) => command.run::<Config>().await,
            Self::Doctor(options) => doctor(*options).await,
        }
    }
}

/// Runs the doctor once or repeatedly, without a server.
pub async fn doctor(options: Options) -> ExitCode {
    if options.causes {
        return command::print_causes();
    }
    let json = options.json;
    let (result, is_wrong) = if options.names_places() {
        (options.run_on_places().await, false)
    } else {
        let mistakes = Config::load(&Environment).err();
        let is_wrong = mistakes.is_some();
        if let Some(mistakes) = mistakes.as_ref().filter(|_| !options.json) {
            report(mistakes);
        }
        let (config, dependencies) = configured(mistakes.as_ref(), options.pre);
        (options.run(config, dependencies).await, is_wrong)
    };
    match result {
        // Exits without returning, because returning would wait for a silent resolver, which may be the fault just found.
        Ok(_) if is_wrong => std::process::exit(EXIT_USAGE.into()),
        Ok(code) => std::process::exit(code.into()),
        Err(error) => {
            if json {
                command::print_error(&error);
            }
            let is_usage = matches!(error, CommandError::Unknown(..) | CommandError::Configuration(_));
            let code = exit(Err(error));
            if is_usage { ExitCode::from(EXIT_USAGE) } else { code }
        }
    }
}

/// Returns what the configuration names, as far as it can be read: with a mistake in one part, the others are checked.
fn configured(mistakes: Option<&ConfigErrors>, pre: bool) -> (DoctorConfig, Dependencies) {
    let mut vars = Vars::new(&Environment);
    let aws = Arc::new(Aws::default());
    let table = VisitsConfig::load(&mut vars).table;
    let tables = ServiceTables::new(table.clone(), &app::migrations(&table));
    let database = DatabaseConfig::load(&mut vars).map(|(config, credentials)| DatabaseDependency {
        config: Arc::new(config),
        credentials: Arc::new(CredentialsProvider::new(credentials, aws.clone())),
        tables: if pre { Tables::ToBeMade } else { Tables::OrToBeMade(tables) },
        service: None,
    });
    let dependencies = Dependencies {
        mistakes: mistakes.map(|mistakes| {
            let mistakes: Vec<_> =
                mistakes.0.iter().map(|mistake| format!("{} {}", mistake.variable, mistake.problem)).collect();
            mistakes.join("; ")
        }),
        database,
        s3: DiariesConfig::load(&mut vars).storage(&aws),
        reads_bucket_only: false,
        private_service: PrivateServiceConfig::load(&mut vars).url,
    };
    (DoctorConfig::load(&mut vars), dependencies)
}
