//! A data directory, made by initdb, with the password of its superuser beside it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use tempfile::TempDir;

use super::Error;
use super::place::Place;
use super::programs::Programs;
use crate::random;

/// An earlier run that was killed needs a moment to let go of the data.
const HANDOVER_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// What keeps the data ours, and cleans up after it.
#[derive(Debug)]
pub(crate) enum Hold {
    /// Data that is kept: no other run may use it meanwhile.
    Kept { _lock: Flock<fs::File> },
    /// Data that goes with the server.
    Temporary(TempDir),
}

/// Where a server's data is and how to log in.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) data: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) password: String,
    pub(crate) hold: Hold,
    /// What `data` is copied from by the server's first start.
    pub(crate) template: Option<PathBuf>,
    port_file: Option<PathBuf>,
}

impl Cluster {
    /// The data directory that this checkout keeps for this major version.
    pub(crate) fn kept(place: &Place, programs: &Programs, tell: &dyn Fn(&str)) -> Result<Self, Error> {
        let name = programs.major.to_string();
        let beside = |suffix: &str| place.root.join(format!("{name}.{suffix}"));
        let data = place.root.join(&name);
        let lock = lock_within_limit(place, &format!("{name}.lock"), &data)?;
        let password_file = beside("password");
        if !data.exists() {
            tell(&format!("making a PostgreSQL {} data directory in {}", programs.version, data.display()));
            init(place, programs, &data, &password_file)?;
        }
        let password = read_password(&password_file)?;
        let log = beside("log");
        // One run's log is enough; those of all would grow for ever.
        fs::File::create(&log).map_err(Error::path("write", &log))?;
        Ok(Self {
            data,
            log,
            password,
            hold: Hold::Kept { _lock: lock },
            template: None,
            port_file: Some(beside("port")),
        })
    }

    /// A data directory of its own, copied from one that was made once for this checkout: 0.1 s instead of 1 s.
    pub(crate) fn temporary(place: &Place, programs: &Programs) -> Result<Self, Error> {
        let template = place.root.join(format!("template-{}-{}", programs.version, place.account.uid()));
        let password_file = template.with_added_extension("password");
        {
            let _lock = place.lock("template.lock")?;
            if !template.exists() {
                init(place, programs, &template, &password_file)?;
            }
        }
        let directory = place.temporary()?;
        let (data, log) = (directory.path().join("data"), directory.path().join("log"));
        let password = read_password(&password_file)?;
        Ok(Self { data, log, password, hold: Hold::Temporary(directory), template: Some(template), port_file: None })
    }

    /// The port of the last run, so that a connection string that was written down stays right.
    pub(crate) fn remembered_port(&self) -> Option<u16> {
        fs::read_to_string(self.port_file.as_ref()?).ok()?.trim().parse().ok()
    }

    pub(crate) fn remember_port(&self, port: u16) -> Result<(), Error> {
        match &self.port_file {
            Some(file) => fs::write(file, format!("{port}\n")).map_err(Error::path("write", file)),
            None => Ok(()),
        }
    }
}

/// Makes a data directory, under another name until it is whole. It is not synced, which takes a minute on a busy disk: if
/// the machine fails right afterwards, only an empty database is lost.
fn init(place: &Place, programs: &Programs, data: &Path, password_file: &Path) -> Result<(), Error> {
    let partial = data.with_added_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(Error::path("remove", &partial))?;
    }
    write_password(place, password_file)?;
    DirBuilder::new().mode(0o700).create(&partial).map_err(Error::path("make", &partial))?;
    place.account.give(&partial, 0o700)?;
    let mut initdb = place.account.command(programs.program("initdb"));
    initdb.args([
        "--username=postgres",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--no-locale",
        "--no-sync",
        "--pwfile",
    ]);
    run(initdb.arg(password_file).arg("--pgdata").arg(&partial))?;
    fs::rename(&partial, data).map_err(Error::path("finish", data))
}

fn write_password(place: &Place, file: &Path) -> Result<(), Error> {
    let password = random::hex().map_err(Error::system("make a password"))?;
    let mut open = OpenOptions::new();
    let mut opened =
        open.write(true).create(true).truncate(true).mode(0o600).open(file).map_err(Error::path("write", file))?;
    place.account.give(file, 0o600)?;
    writeln!(opened, "{password}").map_err(Error::path("write", file))
}

fn read_password(file: &Path) -> Result<String, Error> {
    fs::read_to_string(file)
        .map(|text| text.trim().to_owned())
        .map_err(Error::path("read the password of the data beside", file))
}

fn lock_within_limit(place: &Place, name: &str, data: &Path) -> Result<Flock<fs::File>, Error> {
    let deadline = Instant::now() + HANDOVER_LIMIT;
    loop {
        match place.try_lock(name, FlockArg::LockExclusiveNonblock) {
            Err(Error::System { source, .. }) if source.kind() == std::io::ErrorKind::WouldBlock => {
                if Instant::now() > deadline {
                    return Err(Error::Running {
                        server: "another run of this checkout".into(),
                        data: data.to_path_buf(),
                    });
                }
                std::thread::sleep(POLL);
            }
            other => return other,
        }
    }
}

/// Runs a program of PostgreSQL to its end.
fn run(command: &mut Command) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(Error::system(format!("run {program}")))?;
    if output.status.success() {
        return Ok(());
    }
    let output_text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Failed { program, status: output.status, output: output_text })
}
