//! private-service: reports the identity of the ECS task it runs in, and serves books and authors.

mod app;
mod catalogue;
mod config;
mod routes;
mod task_metadata;

use std::process::ExitCode;

use causeway_common::cli::{Command, exit, parse, report};
use causeway_common::config::{Configuration, Environment};
use mimalloc::MiMalloc;

use crate::config::Config;

/// glibc keeps what was freed below memory that is in use.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Serves the private service, or runs a command.
#[derive(Debug, clap::Parser)]
#[command(
    version,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 success, 1 failure, 64 wrong usage or configuration."
)]
struct Arguments {
    /// Without a command the service serves.
    #[command(subcommand)]
    command: Option<Command>,
}

#[actix_web::main]
async fn main() -> ExitCode {
    match parse::<Arguments>() {
        Err(code) => code,
        Ok(Arguments { command: Some(command) }) => command.run::<Config>().await,
        Ok(Arguments { command: None }) => match Config::load(&Environment) {
            Ok(config) => exit(app::run(config).await),
            Err(mistakes) => report(&mistakes),
        },
    }
}
