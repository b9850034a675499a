//! A data directory, made by initdb, with the password of its superuser beside it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use causeway_common::random;
use tempfile::TempDir;

use super::Error;
use super::place::Place;
use super::programs::Programs;

/// The server of an earlier run that was killed stops by itself, within this time if it has not much to write.
const HANDOVER_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Where a server's data is and how to log in.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) data: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) password: String,
    /// The log, locked. The server's processes have it as their standard error and the lock with it, so that a lock that
    /// can be had says that none of them is left.
    output: Option<File>,
    /// The directory that goes with the server; none if the data is kept.
    pub(crate) temporary: Option<TempDir>,
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
        let log = beside("log");
        let output = lock(&log, &data)?;
        // One run's log is enough; those of all would grow for ever.
        output.set_len(0).map_err(Error::path("write", &log))?;
        let password_file = beside("password");
        if !data.exists() {
            tell(&format!("making a PostgreSQL {} data directory in {}", programs.version, data.display()));
            init(place, programs, &data, &password_file)?;
        }
        let password = read_password(&password_file)?;
        let (output, port_file) = (Some(output), Some(beside("port")));
        Ok(Self { data, log, password, output, temporary: None, template: None, port_file })
    }

    /// A new data directory, copied from one that was made once for this checkout, which is faster.
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
        let (output, temporary) = (Some(lock(&log, &data)?), Some(directory));
        Ok(Self { data, log, password, output, temporary, template: Some(template), port_file: None })
    }

    /// Returns the log for a server to write, which then has the lock as well.
    pub(crate) fn output(&self) -> Result<File, Error> {
        let output = self.output.as_ref().expect("it is missing only while `wait_until_unused` runs");
        output.try_clone().map_err(Error::path("write", &self.log))
    }

    /// Waits until the last process of a killed server has ended.
    pub(crate) fn wait_until_unused(&mut self) -> Result<(), Error> {
        self.output = None;
        self.output = Some(lock(&self.log, &self.data)?);
        Ok(())
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
    let mut open = OpenOptions::new();
    let mut opened =
        open.write(true).create(true).truncate(true).mode(0o600).open(file).map_err(Error::path("write", file))?;
    place.account.give(file, 0o600)?;
    writeln!(opened, "{}", random::hex()).map_err(Error::path("write", file))
}

fn read_password(file: &Path) -> Result<String, Error> {
    fs::read_to_string(file)
        .map(|text| text.trim().to_owned())
        .map_err(Error::path("read the password of the data beside", file))
}

/// Opens the log and locks it, once no process of an earlier server has it.
fn lock(log: &Path, data: &Path) -> Result<File, Error> {
    let deadline = Instant::now() + HANDOVER_LIMIT;
    let file = OpenOptions::new().create(true).append(true).open(log).map_err(Error::path("write", log))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Running { server: "another run of this checkout".into(), data: data.to_path_buf() });
            }
            Err(TryLockError::Error(error)) => return Err(Error::path("lock", log)(error)),
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
