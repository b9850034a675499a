//! One of the services as a child process.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use causeway_common::http::client;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::supervise::{self, Care};

/// Each attempt is a line in the service's log.
const POLL: Duration = Duration::from_millis(150);
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// A service drains within 25 s.
const STOP_LIMIT: Duration = Duration::from_secs(26);

/// A service to start.
pub(crate) struct Plan {
    /// Names it in the log.
    pub(crate) name: &'static str,
    /// Its binary.
    pub(crate) program: &'static str,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What answers 200 once it is ready.
    pub(crate) ready: String,
    /// Its variables, besides those for the address and those of this process.
    pub(crate) variables: Vec<(&'static str, OsString)>,
}

/// A running service; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    name: &'static str,
    ready: String,
    child: Child,
    /// The service stops when this closes: see `supervise`.
    lifeline: Option<ChildStdin>,
}

impl Service {
    /// Starts it from `directory`.
    pub(crate) fn start(plan: Plan, directory: &Path) -> Result<Self, String> {
        let name = plan.name;
        let program = directory.join(plan.program);
        if !program.is_file() {
            return Err(format!("{} does not exist: `make run` builds it", program.display()));
        }
        let care = Care { stop_signal: "TERM", remove_if_orphaned: None, announce: false };
        let mut command = supervise::command(care, &program, std::iter::empty::<OsString>());
        if std::env::var_os("LOG_FORMAT").is_none() && std::io::stdout().is_terminal() {
            // Behind a pipe the service itself would choose JSON.
            command.env("LOG_FORMAT", "pretty");
        }
        let address = plan.address;
        command.env("BIND_ADDRESS", address.ip().to_string()).env("PORT", address.port().to_string());
        command.env("SHUTDOWN_DELAY_MS", "0").envs(plan.variables);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Command::from(command).spawn().map_err(|error| format!("can't start {name}: {error}"))?;
        let lifeline = child.stdin.take();
        child.stdout.take().map(|stdout| tokio::spawn(relay(name, stdout)));
        child.stderr.take().map(|stderr| tokio::spawn(relay(name, stderr)));
        Ok(Self { name, ready: plan.ready, child, lifeline })
    }

    /// Waits until it is ready.
    pub(crate) async fn wait_until_ready(&mut self, limit: Duration) -> Result<(), NotReady> {
        let url = self.ready.clone();
        self.wait_until_ok(&url, limit).await
    }

    /// Waits until `url` answers 200.
    pub(crate) async fn wait_until_ok(&mut self, url: &str, limit: Duration) -> Result<(), NotReady> {
        let client = client::builder(ANSWER_LIMIT).timeout(ANSWER_LIMIT).build();
        let client = client.map_err(|error| NotReady::Ended(format!("no HTTP client: {error}")))?;
        let deadline = Instant::now() + limit;
        loop {
            let answer = tokio::select! {
                status = self.ended() => return Err(NotReady::Ended(status)),
                answer = client.get(url).send() => answer,
            };
            let problem = match answer {
                Ok(response) if response.status() == 200 => return Ok(()),
                Ok(response) => format!("{url} answers {}", response.status()),
                Err(error) => format!("{url}: {error}"),
            };
            if Instant::now() > deadline {
                let name = self.name;
                return Err(NotReady::Late(format!("{name} is not ready after {} s: {problem}", limit.as_secs())));
            }
            sleep(POLL).await;
        }
    }

    /// Says how the service ended, if it did.
    pub(crate) fn exited(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(status) => status.map(|status| format!("{} ended by itself ({})", self.name, describe(status))),
            Err(error) => Some(format!("{} can't be watched: {error}", self.name)),
        }
    }

    /// Waits for the service to end by itself, and says how it did.
    async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("{} ended by itself ({})", self.name, describe(status)),
            Err(error) => format!("{} can't be watched: {error}", self.name),
        }
    }

    /// Stops it: SIGTERM, and SIGKILL when it does not follow.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        let Some(id) = self.child.id() else { return Ok(()) };
        drop(self.lifeline.take());
        if let Ok(ended) = timeout(STOP_LIMIT, self.child.wait()).await {
            return ended.map(drop).map_err(|error| format!("{} can't be watched: {error}", self.name));
        }
        let group = i32::try_from(id).map_err(|error| format!("{}: {error}", self.name))?;
        killpg(Pid::from_raw(group), Signal::SIGKILL).map_err(|error| format!("can't kill {}: {error}", self.name))?;
        Err(format!("{} did not stop within {} s and was killed", self.name, STOP_LIMIT.as_secs()))
    }
}

/// Why a service is not ready.
pub(crate) enum NotReady {
    /// It no longer runs, or can't be asked.
    Ended(String),
    /// It runs, and answers something else.
    Late(String),
}

impl From<NotReady> for String {
    fn from(reason: NotReady) -> Self {
        let (NotReady::Ended(text) | NotReady::Late(text)) = reason;
        text
    }
}

/// Passes the lines of a service's log on to standard output, each with the service's name.
async fn relay(name: &'static str, log: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(log).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        // A closed reader, as of `make run | head`, is no reason to stop the service.
        let _ = writeln!(std::io::stdout(), "{name:<15} | {}", String::from_utf8_lossy(&line));
    }
}

/// The supervising shell reports a signal as 128 + n.
pub(crate) fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code @ 129..=192) => match Signal::try_from(code - 128) {
            Ok(signal) => format!("killed by {signal}"),
            Err(_) => format!("exit status {code}"),
        },
        Some(code) => format!("exit status {code}"),
        None => status.to_string(),
    }
}
