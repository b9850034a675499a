//! Who runs PostgreSQL: us, or an unprivileged account when we are root, which PostgreSQL refuses to be.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{User, geteuid};

use super::Error;

/// The account that PostgreSQL's programs run under.
#[derive(Debug, Clone)]
pub(crate) struct Account(Option<User>);

impl Account {
    /// Ourselves, or for root `postgres` or `nobody`. Not any number: initdb wants an account with a name.
    pub(crate) fn choose() -> Result<Self, Error> {
        if !geteuid().is_root() {
            return Ok(Self(None));
        }
        let found = ["postgres", "nobody"].into_iter().find_map(|name| User::from_name(name).ok().flatten());
        match found {
            Some(user) => Ok(Self(Some(user))),
            None => Err(Error::Programs(
                "it refuses to run as root, and there is neither an account `postgres` nor `nobody` to run it as"
                    .into(),
            )),
        }
    }

    /// The account's number: data of one can't be used by another.
    pub(crate) fn uid(&self) -> u32 {
        self.0.as_ref().map_or_else(geteuid, |user| user.uid).as_raw()
    }

    /// The account's name, if it is not our own.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.as_ref().map(|user| user.name.as_str())
    }

    /// Makes `command` run under the account.
    pub(crate) fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some(user) = &self.0 {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        // Our own directory may be closed to the account, and PostgreSQL's programs want one that they can read.
        command.current_dir("/").env("LC_ALL", "C")
    }

    /// A command that runs `program` under the account.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        self.apply(&mut command).stdin(Stdio::null());
        command
    }

    /// Gives `path` to the account, closed to others.
    pub(crate) fn give(&self, path: &Path, mode: u32) -> Result<(), Error> {
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(Error::path("set the mode of", path))?;
        match &self.0 {
            Some(user) => chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .map_err(Error::path("change the owner of", path)),
            None => Ok(()),
        }
    }

    /// Whether the account can enter `directory`. Tried, not computed: every parent must let it through.
    pub(crate) fn can_enter(&self, directory: &Path) -> bool {
        self.0.is_none() || self.succeeds("cd \"$1\"", directory)
    }

    /// Whether the account can run `program`.
    pub(crate) fn can_run(&self, program: &Path) -> bool {
        self.succeeds("test -f \"$1\" && test -x \"$1\"", program)
    }

    fn succeeds(&self, script: &str, path: &Path) -> bool {
        let mut command = self.command("/bin/sh");
        command.args(["-c", script, "sh"]).arg(path).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}
