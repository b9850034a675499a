//! One life of a PostgreSQL server: from start to the end of its last process.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::account::Account;
use super::cluster::Cluster;
use super::programs::Programs;
use super::{Error, Options};
use crate::supervise::{self, Care};

/// Recovery after a crash is part of a start.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(15);
const KILL_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);
const LOG_TAIL: usize = 12;
/// Copies a template to the data directory, if there is a template and no data yet, and becomes the server. In our care
/// from the first byte: a run that is killed while it copies leaves no copy behind.
const COPY_AND_RUN: &str = r#"
template=$1 data=$2
shift 2
if [ "$template" ] && ! [ -e "$data" ]; then cp -Rp "$template" "$data" || exit; fi
exec "$@"
"#;

#[derive(Debug)]
pub(super) struct Server {
    /// Its standard input stays open as long as we live: see `supervise`.
    supervisor: Child,
    postmaster: Pid,
}

impl Server {
    /// Starts the server and waits until it takes connections.
    pub(super) fn start(
        programs: &Programs,
        account: &Account,
        cluster: &Cluster,
        port: u16,
        options: &Options<'_>,
    ) -> Result<Self, Error> {
        let remove = cluster.temporary.as_ref().map(TempDir::path);
        let stop_signal = if remove.is_some() { "QUIT" } else { "INT" };
        let care = Care { stop_signal, remove_if_orphaned: remove, announce: true };
        let mut arguments: Vec<OsString> = vec!["-c".into(), COPY_AND_RUN.into(), "start".into()];
        arguments.push(cluster.template.as_ref().map(OsString::from).unwrap_or_default());
        arguments.extend([cluster.data.clone().into(), programs.program("postgres").into()]);
        arguments.extend(server_arguments(cluster, port, options));
        let mut command = supervise::command(care, Path::new("/bin/sh"), arguments);
        account.apply(&mut command).stdout(Stdio::piped()).stderr(cluster.output()?);
        let mut supervisor = command.spawn().map_err(Error::system("start PostgreSQL"))?;
        let postmaster = announced_pid(&mut supervisor).map_err(Error::system("start PostgreSQL"))?;
        let mut server = Self { supervisor, postmaster };
        server.wait_until_ready(cluster)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, cluster: &Cluster) -> Result<(), Error> {
        let deadline = Instant::now() + START_LIMIT;
        let file = cluster.data.join("postmaster.pid");
        // The file may be an earlier server's until ours has written its own.
        while !PidFile::read(&file).is_some_and(|found| found.pid == self.postmaster && found.ready) {
            if let Some(status) = self.exited()? {
                return Err(Error::Failed { program: "postgres".into(), status, output: tail(&cluster.log) });
            }
            if Instant::now() > deadline {
                self.kill()?;
                return Err(late("ready", START_LIMIT, cluster));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    pub(super) fn exited(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.supervisor.try_wait().map_err(Error::system("supervise PostgreSQL"))
    }

    /// Stops by `signal`: SIGINT is the orderly way, SIGQUIT leaves the writing of what is committed to the next start.
    pub(super) fn stop(&mut self, signal: Signal, cluster: &Cluster) -> Result<(), Error> {
        if self.exited()?.is_some() {
            return Ok(());
        }
        Self::signal(self.postmaster, signal)?;
        if self.wait(STOP_LIMIT)? {
            return Ok(());
        }
        self.kill()?;
        Err(late("stopped", STOP_LIMIT, cluster))
    }

    /// Ends the server without warning. Its other processes end as soon as they notice: see `Cluster::wait_until_unused`.
    pub(super) fn kill(&mut self) -> Result<(), Error> {
        if self.exited()?.is_some() {
            return Ok(());
        }
        Self::signal(self.postmaster, Signal::SIGKILL)?;
        if self.wait(KILL_LIMIT)? {
            return Ok(());
        }
        Err(Error::system("kill PostgreSQL")(std::io::Error::from(std::io::ErrorKind::TimedOut)))
    }

    /// Signals a process of the server. One that has ended meanwhile is no error: it is what every signal here is for.
    fn signal(pid: Pid, signal: Signal) -> Result<(), Error> {
        match kill(pid, signal) {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
            Err(errno) => Err(Error::system(format!("send {signal} to PostgreSQL's process {pid}"))(errno.into())),
        }
    }

    fn wait(&mut self, limit: Duration) -> Result<bool, Error> {
        let deadline = Instant::now() + limit;
        while self.exited()?.is_none() {
            if Instant::now() > deadline {
                return Ok(false);
            }
            std::thread::sleep(POLL);
        }
        Ok(true)
    }
}

fn server_arguments(cluster: &Cluster, port: u16, options: &Options<'_>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["-D".into(), cluster.data.clone().into(), "-p".into()];
    arguments.push(port.to_string().into());
    let connections = format!("max_connections={}", options.max_connections);
    // Not "UTC", which needs files of time zones; this needs none.
    let mut settings = vec!["listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=GMT", &connections];
    if cluster.temporary.is_some() {
        settings.extend(super::TEST_SETTINGS);
    }
    arguments.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
    arguments
}

fn announced_pid(supervisor: &mut Child) -> std::io::Result<Pid> {
    let stdout = supervisor.stdout.take().expect("standard output was asked for as a pipe");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let pid = line.trim().parse().map_err(|_| std::io::Error::other(format!("its supervisor said {line:?}")))?;
    Ok(Pid::from_raw(pid))
}

fn late(state: &'static str, limit: Duration, cluster: &Cluster) -> Error {
    Error::Late { state, seconds: limit.as_secs(), log: cluster.log.clone() }
}

/// The last lines of the server's log.
fn tail(log: &Path) -> String {
    let lines: Vec<String> = match File::open(log) {
        Ok(file) => BufReader::new(file).lines().map_while(Result::ok).collect(),
        Err(error) => return format!("{}: {error}", log.display()),
    };
    lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
}

/// `postmaster.pid`, which a server writes into its data directory.
struct PidFile {
    pid: Pid,
    ready: bool,
}

impl PidFile {
    fn read(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok().map(Pid::from_raw)?;
        // The eighth line is the state; it appears once there is one.
        let ready = lines.nth(6).is_some_and(|state| state.trim() == "ready");
        Some(Self { pid, ready })
    }
}
