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
    let command = match Command::from_args() {
        Ok(command) => command,
        Err(usage) => return usage,
    };
    if command == Command::CheckConfig {
        return cli::check_config(&Environment, |vars| Some(Config::read(vars)));
    }
    match Config::load(&Environment) {
        Err(mistakes) => cli::report(&mistakes),
        Ok(config) if command == Command::Health => cli::check_health(&config.server).await,
        Ok(config) => cli::exit(app::run(config).await),
    }
}
