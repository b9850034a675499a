//! Looking at other processes: Linux's `/proc`, and `ps` where there is none.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::kill;
use nix::unistd::Pid;

/// The processes whose parent is `parent`.
pub(crate) fn children_of(parent: Pid) -> io::Result<Vec<Pid>> {
    let Ok(entries) = fs::read_dir("/proc/self").and_then(|_| fs::read_dir("/proc")) else {
        let output = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let pairs = text.lines().filter_map(|line| line.trim().split_once(' '));
        return Ok(pairs.filter(|(_, ppid)| number(ppid) == Some(parent)).filter_map(|(pid, _)| number(pid)).collect());
    };
    let pids = entries.filter_map(|entry| number(entry.ok()?.file_name().to_str()?));
    Ok(pids.filter(|&pid| Stat::of(pid).is_some_and(|stat| stat.parent == parent)).collect())
}

/// Whether `pid` runs. A zombie does not: it holds no memory, no files and no port.
pub(crate) fn is_running(pid: Pid) -> bool {
    match Stat::of(pid) {
        Some(stat) => !matches!(stat.state, 'Z' | 'X'),
        None if fs::exists("/proc/self/stat").unwrap_or(false) => false,
        // EPERM, too, says that the process is there.
        None => !matches!(kill(pid, None), Err(nix::errno::Errno::ESRCH)),
    }
}

/// The name of the program that `pid` runs, if it runs and can be told.
pub(crate) fn program_of(pid: Pid) -> Option<String> {
    if let Some(stat) = Stat::of(pid) {
        return Some(stat.name);
    }
    let output = Command::new("ps").args(["-o", "comm=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The directory that `pid` works in, where the system tells.
pub(crate) fn directory_of(pid: Pid) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

struct Stat {
    name: String,
    state: char,
    parent: Pid,
}

impl Stat {
    /// `/proc/<pid>/stat` is "pid (name) state parent …"; the name may hold spaces and parentheses.
    fn of(pid: Pid) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (before, after) = text.rsplit_once(") ")?;
        let mut fields = after.split(' ');
        Some(Self {
            name: before.split_once(" (")?.1.to_owned(),
            state: fields.next()?.chars().next()?,
            parent: number(fields.next()?)?,
        })
    }
}

fn number(text: &str) -> Option<Pid> {
    text.trim().parse().ok().map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_found_under_its_parent_and_a_zombie_does_not_run() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        assert!(children_of(Pid::this()).unwrap().contains(&pid));
        assert!(is_running(pid));
        child.kill().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while is_running(pid) {
            assert!(std::time::Instant::now() < deadline, "the killed child still counts as running");
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!is_running(pid));
    }
}
