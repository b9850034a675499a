//! frontend-api: the public API. See ARCHITECTURE.md for the map.

mod app;
mod auth;
mod aws;
mod batch;
mod cli;
mod config;
mod database;
mod diaries;
mod doctor;
mod metrics;
mod pages;
mod private_service;
mod routes;
mod sessions;
mod tls;
mod users;
mod visits;

use std::process::ExitCode;

use causeway_common::cli::{exit, parse, report};
use causeway_common::config::{Configuration, Environment};

use crate::cli::Arguments;
use crate::config::Config;

#[actix_web::main]
async fn main() -> ExitCode {
    match parse::<Arguments>() {
        Err(code) => code,
        Ok(Arguments { command: Some(command) }) => command.run().await,
        Ok(Arguments { command: None }) => match Config::load(&Environment) {
            Ok(config) => exit(app::run(config).await),
            Err(mistakes) => report(&mistakes),
        },
    }
}
