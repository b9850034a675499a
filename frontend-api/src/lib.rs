//! frontend-api: the public API, and the doctor by itself. See ARCHITECTURE.md for the map.

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

use crate::cli::{Arguments, DoctorArguments};
use crate::config::Config;

/// Serves, or runs the command that the command line names.
pub async fn run() -> ExitCode {
    match parse::<Arguments>() {
        Err(code) => code,
        Ok(Arguments { command: Some(command) }) => command.run().await,
        Ok(Arguments { command: None }) => match Config::load(&Environment) {
            Ok(config) => exit(app::run(config).await),
            Err(mistakes) => report(&mistakes),
        },
    }
}

/// Runs the doctor, which serves nothing.
pub async fn doctor() -> ExitCode {
    match parse::<DoctorArguments>() {
        Err(code) => code,
        Ok(DoctorArguments { options }) => cli::doctor(options).await,
    }
}
