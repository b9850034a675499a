//! A real PostgreSQL as a child process, which never outlives us.
//!
//! Its programs are those installed, otherwise those of a Python wheel. PostgreSQL refuses to run as root; started by
//! root, it runs under an account that may less. It listens on 127.0.0.1 alone and wants a random password.

mod account;
mod cluster;
mod error;
mod place;
mod programs;
mod server;

use std::path::Path;
use std::process::ExitStatus;

use cluster::Cluster;
pub use error::Error;
use nix::sys::signal::Signal;
use place::Place;
use programs::Programs;
use server::Server;

use crate::ports;

const PORT_TRIES: u32 = 5;
/// What PostgreSQL's log says when the port is taken.
const PORT_TAKEN: &str = "Address already in use";

/// The settings of test servers, whose data need not outlive the machine. Killed processes still lose nothing.
pub const TEST_SETTINGS: [&str; 5] = [
    "fsync=off",
    "full_page_writes=off",
    // The data are in memory; by default, up to 1 GB of old write-ahead log would stay there for reuse.
    "max_wal_size=128MB",
    // Its files are then in the data directory, and go with it if the server is killed.
    "dynamic_shared_memory_type=mmap",
    // A client that falls silent in the middle of its log-in keeps DROP DATABASE of every other test waiting (in
    // `ProcSignalBarrier`) until its log-in times out: after a minute by default.
    "authentication_timeout=8s",
];

/// How to run PostgreSQL.
pub struct Options<'a> {
    /// Keep the data between runs, in one directory per major version; otherwise the data are removed with the server.
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

    /// On the port of the last run if it is free, otherwise on any other.
    fn first_start(&mut self, options: &Options<'_>) -> Result<(), Error> {
        remove_pid_file(&self.cluster)?;
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

    /// Kills the server, and waits until its last process has ended. What was committed is there after [`Self::restart`].
    pub fn kill(&mut self) -> Result<(), Error> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        server.kill()?;
        self.cluster.wait_until_unused()
    }

    /// Stops the server in order, or does nothing if it does not run.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.server.take().map_or(Ok(()), |mut server| server.stop(Signal::SIGINT, &self.cluster))
    }

    /// Starts the server again, on the same port with the same data; one that runs is stopped first.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        remove_pid_file(&self.cluster)?;
        let options = Options { keep: self.is_kept(), max_connections: self.max_connections, tell: &|_| {} };
        let server = Server::start(&self.programs, &self.place.account, &self.cluster, self.port, &options)?;
        self.server = Some(server);
        Ok(())
    }

    fn is_kept(&self) -> bool {
        self.cluster.temporary.is_none()
    }
}

impl Drop for Postgres {
    #[expect(clippy::print_stderr, reason = "drop cannot return the error")]
    fn drop(&mut self) {
        // Data that is removed now needs no orderly end.
        let signal = if self.is_kept() { Signal::SIGINT } else { Signal::SIGQUIT };
        if let Some(Err(error)) = self.server.take().map(|mut server| server.stop(signal, &self.cluster)) {
            eprintln!("PostgreSQL: {error}");
        }
    }
}

/// Removes what a killed server left: the process that it names may by now be another program, which would keep PostgreSQL
/// from starting. No server has the data, since the lock on its log is ours.
fn remove_pid_file(cluster: &Cluster) -> Result<(), Error> {
    let file = cluster.data.join("postmaster.pid");
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::path("remove", &file)(error)),
        _ => Ok(()),
    }
}
