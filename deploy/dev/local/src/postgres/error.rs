use std::io;
use std::path::{Path, PathBuf};

/// Why there is no PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are no PostgreSQL programs on this machine, and none could be installed.
    #[error("no PostgreSQL to run: {0}")]
    Programs(String),
    /// The operating system refused something.
    #[error("can't {action}: {source}")]
    System {
        /// What was tried, with the path.
        action: String,
        /// Its answer.
        source: io::Error,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed ({status}):\n{output}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last lines it printed.
        output: String,
    },
    /// Another PostgreSQL already serves the data.
    #[error("PostgreSQL already runs on {}, for {server}: stop that, or set DATABASE_URL", data.display())]
    Running {
        /// The other server, or who started it.
        server: String,
        /// The data directory.
        data: PathBuf,
    },
    /// Something took too long.
    #[error("PostgreSQL was not {state} within {seconds} s; its log is {}", log.display())]
    Late {
        /// What it should have become.
        state: &'static str,
        /// The limit.
        seconds: u64,
        /// Where to look.
        log: PathBuf,
    },
}

impl Error {
    /// For `map_err`: the operating system refused `action`.
    pub(crate) fn system(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::System { action, source }
    }

    /// For `map_err`: the operating system refused to `verb` the path.
    pub(crate) fn path(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::system(format!("{verb} {}", path.display()))
    }
}
