//! frontend-api: the public API. See ARCHITECTURE.md for the map.

mod app;
mod cli;
mod config;
mod database;
mod doctor;
mod private_service;
mod routes;
mod tls;
mod visits;

use std::process::ExitCode;

use causeway_common::cli::{Command as Common, check_config, check_health, exit, report};
use causeway_common::config::Environment;

use crate::cli::Command;
use crate::config::Config;

#[actix_web::main]
async fn main() -> ExitCode {
    let command = match Command::from_arguments() {
        Ok(command) => command,
        Err(usage) => return usage,
    };
    match command {
        Command::Common(Common::CheckConfig) => return check_config(&Environment, Config::read),
        Command::Causes => return doctor::terminal::print_causes(),
        _ => {}
    }
    match (command, Config::load(&Environment)) {
        (_, Err(mistakes)) => report(&mistakes),
        (Command::Doctor(options), Ok(config)) => cli::doctor(config, options).await,
        (Command::Common(Common::Health), Ok(config)) => check_health(&config.server).await,
        (_, Ok(config)) => exit(app::run(config).await),
    }
}
