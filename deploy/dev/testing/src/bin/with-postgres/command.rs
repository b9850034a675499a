//! Runs the command, and passes on the signals that it gets.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use causeway_testing::not_run::FILE;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// A command that was asked to end gets this long: nextest's tests have 10 s themselves.
const END_LIMIT: Duration = Duration::from_secs(20);

/// SIGINT and SIGTERM, from now on.
pub(crate) struct Interrupts(watch::Receiver<Option<Signal>>);

impl Interrupts {
    pub(crate) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let first = tokio::select! {
                _ = interrupt.recv() => Signal::SIGINT,
                _ = terminate.recv() => Signal::SIGTERM,
            };
            sender.send_replace(Some(first));
            // Kept, so that those who wait get the signal and not an error.
            sender.closed().await;
        });
        Ok(Self(receiver))
    }

    pub(crate) fn happened(&self) -> bool {
        self.0.borrow().is_some()
    }

    pub(crate) async fn next(&mut self) -> Signal {
        match self.0.wait_for(Option::is_some).await {
            Ok(signal) => signal.unwrap_or(Signal::SIGTERM),
            // The task that sends ends after us.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Runs the command to its end; its exit code, 128 + n after signal n.
pub(crate) async fn run(
    program: &OsStr,
    arguments: &[OsString],
    url: &str,
    not_run: &Path,
    interrupts: &mut Interrupts,
) -> Result<u8, String> {
    let name = program.to_string_lossy();
    let mut command = Command::new(program);
    let child = command.args(arguments).env("TEST_DATABASE_URL", url).env(FILE, not_run).kill_on_drop(true).spawn();
    let mut child = child.map_err(|error| format!("can't run {name}: {error}"))?;
    let ended = tokio::select! {
        ended = child.wait() => ended,
        signal = interrupts.next() => end(&mut child, signal).await,
    };
    ended.map(exit_code).map_err(|error| format!("can't wait for {name}: {error}"))
}

/// A Ctrl-C on the terminal reaches the command without us, and twice would mean "at once" to nextest. All else, and a
/// command that does not follow, is passed on.
async fn end(child: &mut Child, signal: Signal) -> std::io::Result<ExitStatus> {
    if signal == Signal::SIGINT
        && let Ok(ended) = timeout(END_LIMIT, child.wait()).await
    {
        return ended;
    }
    if let Some(id) = child.id() {
        let pid = Pid::from_raw(i32::try_from(id).map_err(std::io::Error::other)?);
        kill(pid, Signal::SIGTERM)?;
    }
    if let Ok(ended) = timeout(END_LIMIT, child.wait()).await {
        return ended;
    }
    child.start_kill()?;
    child.wait().await
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
