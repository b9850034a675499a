//! `with-postgres -- command arguments…`: runs a command, such as all tests, with one PostgreSQL for the whole run.
//!
//! The command finds the superuser's connection string in `TEST_DATABASE_URL`. The server is the one that this variable
//! names already, otherwise a container of `TEST_POSTGRES_IMAGE` (default `postgres:17-alpine`), of an image that is
//! built here without a registry, or a child process. One line says which. The server ends with the command.

mod command;
mod container;
mod server;

use std::process::ExitCode;
use std::time::Duration;

use causeway_testing::not_run;
use command::Interrupts;
use server::Server;

/// `EX_USAGE` of sysexits.h.
const EXIT_USAGE: u8 = 64;
/// What a shell answers for a command that was ended by SIGINT or SIGTERM while it did not run yet.
const EXIT_INTERRUPTED: u8 = 130;
const INTERRUPTED_START_LIMIT: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(separator), Some(program)) = (arguments.next(), arguments.next()) else { return usage() };
    if separator != "--" {
        return usage();
    }
    match run(program, arguments.collect()).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(program: std::ffi::OsString, arguments: Vec<std::ffi::OsString>) -> Result<u8, String> {
    let mut interrupts = Interrupts::listen().map_err(|error| format!("no signal handlers: {error}"))?;
    let Some(server) = provide(&mut interrupts).await else { return Ok(EXIT_INTERRUPTED) };
    let server = server?;
    let not_run = tempfile::NamedTempFile::new().map_err(|error| format!("no temporary file: {error}"))?;
    let result = if interrupts.happened() {
        Ok(EXIT_INTERRUPTED)
    } else {
        command::run(&program, &arguments, server.url(), not_run.path(), &mut interrupts).await
    };
    let removed = server.remove().await;
    for line in not_run::summary(not_run.path()) {
        say(&line);
    }
    let code = result?;
    removed.map(|()| code)
}

/// Not broken off at once by a signal: a container that is half started would be left behind. A long pull is.
async fn provide(interrupts: &mut Interrupts) -> Option<Result<Server, String>> {
    let mut providing = std::pin::pin!(Server::provide());
    tokio::select! {
        server = &mut providing => return Some(server),
        _ = interrupts.next() => {}
    }
    tokio::time::timeout(INTERRUPTED_START_LIMIT, providing).await.ok()
}

fn usage() -> ExitCode {
    say("usage: with-postgres -- command arguments…");
    ExitCode::from(EXIT_USAGE)
}

/// To standard error: standard output is the command's.
#[expect(clippy::print_stderr, reason = "a command line tool has no log")]
fn say(text: &str) {
    eprintln!("with-postgres: {text}");
}
