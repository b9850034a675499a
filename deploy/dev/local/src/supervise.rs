//! Child processes that never outlive us, even if we are killed.
//!
//! The child runs under a small shell that reads our end of a pipe. When this process ends, however it ends, the pipe
//! closes and the shell stops the child. (The kernel's "signal on parent's death" would need unsafe code after fork,
//! and exists on Linux only.)

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What happens to a child around its life.
#[derive(Debug, Clone, Copy)]
pub struct Care<'a> {
    /// The name of the signal that stops the child, such as `TERM`.
    pub stop_signal: &'a str,
    /// A directory to remove once the child was stopped because this process has ended.
    pub remove_if_orphaned: Option<&'a Path>,
    /// Print the child's process id as the first line on standard output, and send the child's own output to standard
    /// error.
    pub announce: bool,
}

// The signal is repeated: a child that is itself a shell at first ignores SIGINT and SIGQUIT, as POSIX has it for what runs
// in the background. The second `rm`: a process of the child's own may outlive it for a moment and write there.
const SCRIPT: &str = r#"
signal=$1 remove=$2 announce=$3 orphaned=
shift 3
exec 3<&0 </dev/null
trap 'orphaned=yes' USR1
if [ "$announce" ]; then "$@" >&2 3<&- & else "$@" 3<&- & fi
child=$!
{ read -r _ <&3; kill -s USR1 $$; while kill -s "$signal" "$child"; do sleep 1; done; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
if [ "$announce" ]; then echo "$child"; exec >/dev/null; fi
wait "$child"
status=$?
while [ "$orphaned" ] && kill -0 "$child" 2>/dev/null; do
    wait "$child"
    status=$?
done
kill "$watcher" 2>/dev/null
if [ "$orphaned" ] && [ "$remove" ]; then
    rm -rf "$remove" 2>/dev/null || { sleep 1; rm -rf "$remove"; }
fi
exit "$status"
"#;

/// A command that runs `program` in our care. It ends when `program` ends, with its status (128 + n after signal n), and
/// stops `program` when its standard input closes. It has its own process group, so that a Ctrl-C on the terminal
/// reaches only us and the order of stopping is ours.
pub fn command(care: Care<'_>, program: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", SCRIPT, "supervise", care.stop_signal])
        .arg(care.remove_if_orphaned.unwrap_or(Path::new("")))
        .arg(if care.announce { "yes" } else { "" })
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .process_group(0);
    command
}
