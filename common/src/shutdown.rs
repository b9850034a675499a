//! When to stop: the signals of the platform, and the flag that they set for the rest of the process.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// Whether this process is stopping. `/ready` fails from then on.
#[derive(Debug, Default)]
pub struct Draining(AtomicBool);

impl Draining {
    /// Returns whether the process is stopping.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Resolves at the first SIGTERM (ECS, App Runner) or SIGINT (Ctrl-C), with its name.
///
/// # Errors
/// When the process can't have signal handlers.
pub fn requested() -> std::io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
