//! A real PostgreSQL as a child process, which never outlives us.
//!
//! Its programs are those installed, else a Python wheel that holds them. PostgreSQL refuses to run as root; started by
//! root, it runs under an account that may less. It listens on 127.0.0.1 alone and wants a random password.

mod account;
mod cluster;
mod error;
mod place;
mod programs;
mod server;

use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use cluster::{Cluster, Hold};
pub use error::Error;
use nix::sys::signal::Signal;
use place::Place;
use programs::Programs;
use server::{PidFile, Server};

use crate::{ports, processes};

/// An earlier server that lost its parent stops by itself, within this time if it has not much to write.
const HANDOVER_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);
const PORT_TRIES: u32 = 5;
/// What PostgreSQL's log says when the port is taken.
const PORT_TAKEN: &str = "Address already in use";

/// A setting of test servers. A client that falls silent in the middle of its log-in keeps DROP DATABASE of every other
/// test waiting (in `ProcSignalBarrier`) until its log-in times out: after a minute by default.
pub const AUTHENTICATION_TIMEOUT: &str = "authentication_timeout=8s";

/// How to run PostgreSQL.
pub struct Options<'a> {
    /// Keep the data between runs, in one directory a major version; else it goes when the server goes.
    pub keep: bool,
    /// How many clients may connect at once.
    pub max_connections: u16,
    /// Hears what takes long and what is not as one would expect.
    pub tell: &'a dyn Fn(&str),
}

/// A PostgreSQL server. Dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    place: Place,
    programs: Programs,
    cluster: Cluster,
    server: Option<Server>,
    port: u16,
    max_connections: u16,
}

impl Postgres {
    /// Starts a server and waits until it takes connections.
    pub fn start(options: &Options<'_>) -> Result<Self, Error> {
        let place = Place::find(options.tell)?;
        let programs = Programs::find(&place, options.tell)?;
        let cluster = if options.keep {
            Cluster::kept(&place, &programs, options.tell)?
        } else {
            Cluster::temporary(&place, &programs)?
        };
        let max_connections = options.max_connections;
        let mut postgres = Self { place, programs, cluster, server: None, port: 0, max_connections };
        postgres.first_start(options)?;
        Ok(postgres)
    }

    /// On the port of the last run if it is free, else on any other.
    fn first_start(&mut self, options: &Options<'_>) -> Result<(), Error> {
        wait_for_earlier_server(&self.cluster)?;
        let mut port = self.cluster.remembered_port().filter(|&port| ports::is_free(port));
        for attempt in 1.. {
            self.port = match port.take() {
                Some(port) => port,
                None => ports::free().map_err(Error::system("find a port for PostgreSQL"))?,
            };
            match Server::start(&self.programs, &self.place.account, &self.cluster, self.port, options) {
                Ok(server) => {
                    self.server = Some(server);
                    break;
                }
                Err(Error::Failed { output, .. }) if output.contains(PORT_TAKEN) && attempt < PORT_TRIES => {}
                Err(error) => return Err(error),
            }
        }
        self.cluster.remember_port(self.port)
    }

    /// The connection string of the superuser, to the database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/postgres", self.cluster.password, self.port)
    }

    /// The port on 127.0.0.1; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Such as `17.10`.
    pub fn version(&self) -> &str {
        &self.programs.version
    }

    /// The directory that holds the data directory, with its log and its password beside it.
    pub fn files(&self) -> &Path {
        self.cluster.data.parent().unwrap_or(&self.cluster.data)
    }

    /// How the server ended, if it ended by itself.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.server.as_mut().map_or(Ok(None), Server::exited)
    }

    /// Kills every process of the server at once, as a crash. What was committed is there after [`Self::restart`].
    pub fn kill(&mut self) -> Result<(), Error> {
        self.server.take().map_or(Ok(()), |mut server| server.kill())
    }

    /// Stops the server in order, or does nothing if it does not run.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.server.take().map_or(Ok(()), |mut server| server.stop(Signal::SIGINT, &self.cluster))
    }

    /// Starts the server again, on the same port with the same data; one that runs is stopped first.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        wait_for_earlier_server(&self.cluster)?;
        let options = Options { keep: self.is_kept(), max_connections: self.max_connections, tell: &|_| {} };
        let server = Server::start(&self.programs, &self.place.account, &self.cluster, self.port, &options)?;
        self.server = Some(server);
        Ok(())
    }

    fn is_kept(&self) -> bool {
        matches!(self.cluster.hold, Hold::Kept { .. })
    }
}

impl Drop for Postgres {
    #[expect(clippy::print_stderr, reason = "there is nobody to return the error to")]
    fn drop(&mut self) {
        // Data that goes away now needs no orderly end.
        let signal = if self.is_kept() { Signal::SIGINT } else { Signal::SIGQUIT };
        if let Some(Err(error)) = self.server.take().map(|mut server| server.stop(signal, &self.cluster)) {
            eprintln!("PostgreSQL: {error}");
        }
    }
}

/// Makes sure that no earlier server has the data. One whose parent was killed is on its way out; the file of one that is
/// gone may name a process that is by now another program, which would keep PostgreSQL from starting.
fn wait_for_earlier_server(cluster: &Cluster) -> Result<(), Error> {
    let file = cluster.data.join("postmaster.pid");
    let deadline = Instant::now() + HANDOVER_LIMIT;
    while let Some(found) = PidFile::read(&file) {
        let pid = found.pid;
        let is_postgres = processes::program_of(pid).is_some_and(|name| name.starts_with("postgres"));
        // A server's working directory is its data.
        let is_elsewhere = processes::directory_of(pid).is_some_and(|directory| directory != cluster.data);
        if !is_postgres || is_elsewhere || !processes::is_running(pid) {
            return std::fs::remove_file(&file).map_err(Error::path("remove", &file));
        }
        if Instant::now() > deadline {
            return Err(Error::Running { server: format!("process {pid}"), data: cluster.data.clone() });
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}
