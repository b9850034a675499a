//! frontend-api: the public API. See ARCHITECTURE.md for the map.

mod app;
mod config;
mod database;
mod doctor;
mod private_service;
mod routes;
mod visits;

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
        return cli::check_config(&Environment, Config::read);
    }
    let config = match Config::load(&Environment) {
        Ok(config) => config,
        Err(errors) => return cli::report(&errors),
    };
    if command == Command::Health {
        return cli::check_health(&config.server).await;
    }
    cli::exit(app::run(config).await)
}
