//! Where PostgreSQL's files are kept: `target/local`, or another directory if the account cannot enter that one.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access, geteuid};
use tempfile::TempDir;

use super::Error;
use super::account::Account;

/// In bytes: what several servers of tests use at once. Containers give themselves 64 MiB.
const ROOM_IN_MEMORY: u64 = 2 << 30;

/// The directory for everything that is kept between runs, and the account that can use it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) root: PathBuf,
    pub(crate) account: Account,
}

impl Place {
    /// Finds and makes the directory. Reports it to `tell` if it is not in the usual place.
    pub(crate) fn find(tell: &dyn Fn(&str)) -> Result<Self, Error> {
        let account = Account::choose()?;
        let usual = usual_directory()?;
        fs::create_dir_all(&usual).map_err(Error::path("make", &usual))?;
        open_to_all(&usual)?;
        if account.can_enter(&usual) {
            return Ok(Self { root: usual, account });
        }
        let root =
            lasting_temporary_directory().join(format!("causeway-{:016x}", fnv(usual.as_os_str().as_encoded_bytes())));
        own_directory(&root)?;
        if !account.can_enter(&root) {
            let name = account.name().unwrap_or_default();
            let message = format!("the account {name} can enter neither {} nor {}", usual.display(), root.display());
            return Err(Error::Programs(message));
        }
        let name = account.name().unwrap_or_default();
        tell(&format!(
            "PostgreSQL runs as {name}, which cannot enter {}: its files are in {}",
            usual.display(),
            root.display()
        ));
        Ok(Self { root, account })
    }

    /// A directory for one server's life: in memory, or in the system's temporary directory where the account can go there.
    pub(crate) fn temporary(&self) -> Result<TempDir, Error> {
        let candidates = [memory(), Some(std::env::temp_dir()), Some(lasting_temporary_directory())];
        let mut candidates = candidates.iter().flatten();
        let parent = candidates.find(|path| self.account.can_enter(path)).unwrap_or(&self.root);
        let directory = tempfile::Builder::new()
            .prefix("causeway-postgres-")
            .tempdir_in(parent)
            .map_err(Error::path("make a directory in", parent))?;
        self.account.give(directory.path(), 0o700)?;
        Ok(directory)
    }

    /// Waits for the lock `name`, so that processes that start together don't make the same thing twice.
    pub(crate) fn lock(&self, name: &str) -> Result<fs::File, Error> {
        let path = self.root.join(name);
        let file = fs::File::create(&path).map_err(Error::path("make", &path))?;
        file.lock().map_err(Error::path("lock", &path)).map(|()| file)
    }
}

/// `local` in cargo's target directory, which this program or test was built into.
fn usual_directory() -> Result<PathBuf, Error> {
    let program = std::env::current_exe().map_err(Error::system("find this program's file"))?;
    let target = program.ancestors().find(|path| path.join("CACHEDIR.TAG").is_file());
    // A program that was copied elsewhere keeps its files beside itself.
    Ok(target.map_or_else(|| program.with_extension("files"), |target| target.join("local")))
}

/// Linux's file system in memory, if we may write to it and it has room. Each test makes and removes some 300 files with its
/// database; ext4 looks at every inode that was freed in the last five seconds before it takes one.
fn memory() -> Option<PathBuf> {
    let path = Path::new("/dev/shm");
    access(path, AccessFlags::W_OK).ok()?;
    let found = statvfs(path).ok()?;
    let free = found.blocks_available().saturating_mul(found.fragment_size());
    (free >= ROOM_IN_MEMORY).then(|| path.to_path_buf())
}

/// Kept over a restart of the machine where the system has such a place.
fn lasting_temporary_directory() -> PathBuf {
    let lasting = Path::new("/var/tmp");
    if lasting.is_dir() { lasting.to_path_buf() } else { std::env::temp_dir() }
}

/// Lets every account pass through, not look: what is inside has its own, narrower modes.
fn open_to_all(path: &Path) -> Result<(), Error> {
    let mode = fs::metadata(path).map_err(Error::path("look at", path))?.permissions().mode();
    fs::set_permissions(path, Permissions::from_mode(mode | 0o111)).map_err(Error::path("set the mode of", path))
}

/// Makes `path` in a directory that everybody may write to, and refuses one that somebody else made.
fn own_directory(path: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(0o711).create(path) {
        Ok(()) => open_to_all(path),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(path).map_err(Error::path("look at", path))?;
            if found.is_dir() && found.uid() == geteuid().as_raw() {
                return Ok(());
            }
            Err(Error::path("use", path)(std::io::Error::other("it belongs to somebody else")))
        }
        Err(error) => Err(Error::path("make", path)(error)),
    }
}

/// FNV-1a: a short name for a path, the same with every Rust version.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
