//! A service under test: the real binary as a child process on a free port, with access to its log.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

pub use nix::sys::signal::Signal;

/// A process that has not opened its port by then never will. Generous: test machines are shared and slow.
const START_LIMIT: Duration = Duration::from_secs(20);
/// What a service may take to drain (25 s), and a little more.
const STOP_LIMIT: Duration = Duration::from_secs(28);
/// Commands such as `config --check` answer at once.
const COMMAND_LIMIT: Duration = Duration::from_secs(20);
/// What every test wants of the environment; the pairs of the test come after it and win.
const DEFAULTS: [(&str, &str); 4] =
    [("PORT", "0"), ("BIND_ADDRESS", "127.0.0.1"), ("SHUTDOWN_DELAY_MS", "0"), ("LOG_FORMAT", "json")];

/// A running service. Dropping it kills it.
///
/// It stays in the process group of the test, so that what ends the test from outside (Ctrl-C, nextest's time limit)
/// ends it too.
#[derive(Debug)]
pub struct Service {
    child: Child,
    pid: Pid,
    address: SocketAddr,
    base_url: String,
    logs: watch::Receiver<Vec<Value>>,
}

impl Service {
    /// Starts `program` (use `env!("CARGO_BIN_EXE_…")`) with an environment of `env` and nothing else, except
    /// `PORT=0`, `BIND_ADDRESS=127.0.0.1`, `SHUTDOWN_DELAY_MS=0` and `LOG_FORMAT=json` where `env` does not say
    /// otherwise. Returns once it logs `listening`; panics with its log when it does not.
    pub async fn spawn<K, V>(program: impl AsRef<Path>, env: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let mut child = command(program.as_ref(), &[], env).spawn().expect("the service's binary starts");
        let pid = pid_of(&child);
        let (sender, logs) = watch::channel(Vec::new());
        let sender = Arc::new(sender);
        follow(child.stdout.take().expect("stdout is piped"), sender.clone());
        follow(child.stderr.take().expect("stderr is piped"), sender);

        let listening = wait_for(logs.clone(), |line| line["message"] == "listening", START_LIMIT).await;
        let address: SocketAddr =
            listening["address"].as_str().and_then(|text| text.parse().ok()).expect("`listening` names its address");
        Self { child, pid, address, base_url: format!("http://{address}"), logs }
    }

    /// Such as `http://127.0.0.1:34567`, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process's id, as `/proc` knows it.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Everything written so far, standard output and error, a line an entry: JSON as it is, other text as a string.
    pub fn logs(&self) -> Vec<Value> {
        self.logs.borrow().clone()
    }

    /// The first line, past or to come, that `predicate` accepts. Panics with the log when there is none in time or
    /// the service ended without it.
    pub async fn wait_for_log(&self, predicate: impl Fn(&Value) -> bool, deadline: Duration) -> Value {
        wait_for(self.logs.clone(), predicate, deadline).await
    }

    /// Sends a signal to it.
    pub fn signal(&self, signal: Signal) {
        send(signal, self.pid);
    }

    /// Asks it to stop (SIGTERM) and says how it ended. Panics when it does not end within 28 s.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait().await
    }

    /// Ends it without warning (SIGKILL).
    pub async fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::SIGKILL);
        self.wait().await
    }

    /// Waits until it ends by itself and its log is complete. Panics when that takes longer than 28 s.
    pub async fn wait(&mut self) -> ExitStatus {
        let ended = timeout(STOP_LIMIT, self.child.wait()).await;
        let Ok(status) = ended else { panic!("still running after {STOP_LIMIT:?}; its log:\n{}", text(&self.logs())) };
        // The channel closes when both pipes have; a grandchild that inherited them must not keep the test waiting.
        let closed = self.logs.wait_for(|_| false);
        let _ = timeout(Duration::from_secs(2), closed).await;
        status.expect("the service is a child of ours")
    }
}

/// Sends a signal to a process of ours.
pub fn send(signal: Signal, pid: Pid) {
    kill(pid, signal).expect("the process runs and is ours");
}

/// Returns the id of a child that was not waited for.
pub fn pid_of(child: &Child) -> Pid {
    let id = child.id().expect("a child that was not waited for has an id");
    Pid::from_raw(i32::try_from(id).expect("process ids fit in an i32"))
}

/// Runs `program` with `arguments` to its end (for commands such as `config --check`, and for starts that must fail),
/// with the same environment as [`Service::spawn`]. Panics when it does not end within 20 s.
pub async fn run<K, V>(program: impl AsRef<Path>, arguments: &[&str], env: impl IntoIterator<Item = (K, V)>) -> Output
where
    K: AsRef<OsStr>,
    V: AsRef<OsStr>,
{
    let output = command(program.as_ref(), arguments, env).output();
    let output = timeout(COMMAND_LIMIT, output).await.expect("the command ends in time");
    output.expect("the command's binary starts")
}

fn command<K, V>(program: &Path, arguments: &[&str], env: impl IntoIterator<Item = (K, V)>) -> Command
where
    K: AsRef<OsStr>,
    V: AsRef<OsStr>,
{
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(DEFAULTS).envs(env);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Adds each line of `pipe` to the log until the pipe closes.
fn follow(pipe: impl AsyncRead + Unpin + Send + 'static, log: Arc<watch::Sender<Vec<Value>>>) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let entry = serde_json::from_slice(&line)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&line).into_owned()));
            log.send_modify(|entries| entries.push(entry));
        }
    });
}

async fn wait_for(
    mut logs: watch::Receiver<Vec<Value>>,
    predicate: impl Fn(&Value) -> bool,
    deadline: Duration,
) -> Value {
    let mut seen = 0;
    let mut found = None;
    let search = logs.wait_for(|entries| {
        found = entries[seen..].iter().find(|entry| predicate(entry)).cloned();
        seen = entries.len();
        found.is_some()
    });
    let why = match timeout(deadline, search).await {
        Ok(Ok(_)) => None,
        Ok(Err(_)) => Some("the service ended before it logged the line".to_owned()),
        Err(_) => Some(format!("no such line in the log within {deadline:?}")),
    };
    match (why, found) {
        (None, Some(entry)) => entry,
        (why, _) => panic!("{}:\n{}", why.unwrap_or_default(), text(&logs.borrow())),
    }
}

fn text(entries: &[Value]) -> String {
    entries.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}
