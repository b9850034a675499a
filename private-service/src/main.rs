//! private-service: tells the identity of the ECS task it runs in.

mod app;
mod config;
mod routes;
mod task_metadata;

use std::process::ExitCode;

use causeway_common::cli::{self, Command};
use causeway_common::config::Environment;

use crate::config::Config;

#[actix_web::main]
async fn main() -> ExitCode {
    let arguments = cli::arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(command) = Command::parse(&arguments) else { return cli::usage(Command::USAGE) };
    if command == Command::CheckConfig {
        return cli::check_config(&Environment, |vars| Some(Config::read(vars)));
    }
    match Config::load(&Environment) {
        Err(mistakes) => cli::report(&mistakes),
        Ok(config) if command == Command::Health => cli::check_health(&config.server).await,
        Ok(config) => cli::exit(app::run(config).await),
    }
}
