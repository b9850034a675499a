//! A copy of `local` in a separate directory, with services that only answer.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_local::ports;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

pub(crate) struct System {
    directory: Arc<TempDir>,
    child: Child,
    pub(crate) port: u16,
    pub(crate) private_port: u16,
    pub(crate) balancer_port: u16,
}

impl System {
    pub(crate) fn start() -> Self {
        Self::start_in(lay_out(), free_ports(), None)
    }

    pub(crate) fn start_on(port: u16, private_port: u16) -> Self {
        let [_, _, balancer_port] = free_ports();
        Self::start_in(lay_out(), [port, private_port, balancer_port], None)
    }

    /// With a database that somebody else runs.
    pub(crate) fn start_with_database(url: &str) -> Self {
        Self::start_in(lay_out(), free_ports(), Some(url))
    }

    /// Another run of the same checkout.
    pub(crate) fn start_again(&self) -> Self {
        Self::start_in(Arc::clone(&self.directory), [self.port, self.private_port, self.balancer_port], None)
    }

    fn start_in(
        directory: Arc<TempDir>,
        [port, private_port, balancer_port]: [u16; 3],
        database: Option<&str>,
    ) -> Self {
        let debug = directory.path().join("debug");
        let output = |name: &str| fs::File::create(debug.join(name)).expect("a file can be made");
        let mut command = Command::new(debug.join("local"));
        match database {
            Some(url) => command.env("DATABASE_URL", url),
            None => command.env_remove("DATABASE_URL"),
        };
        let child = command
            .env("PORT", port.to_string())
            .env("PRIVATE_PORT", private_port.to_string())
            .env("BALANCER_PORT", balancer_port.to_string())
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .expect("local starts");
        Self { directory, child, port, private_port, balancer_port }
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join("debug").join(name)).unwrap_or_default()
    }

    pub(crate) fn files(&self) -> PathBuf {
        self.directory.path().join("local")
    }

    pub(crate) fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.read("stdout").contains("Ctrl-C stops everything") {
            let ended = self.child.try_wait().expect("local is our child");
            assert!(ended.is_none(), "local ended: {ended:?}\n{}{}", self.read("stdout"), self.read("stderr"));
            assert!(Instant::now() < deadline, "not ready:\n{}{}", self.read("stdout"), self.read("stderr"));
            std::thread::sleep(POLL);
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().expect("a process id")), signal).expect("local runs");
    }

    pub(crate) fn kill_service(&self, name: &str) {
        let pid = self.read(&format!("{name}.pid")).parse().expect("the service wrote its id down");
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("the service runs");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("local is our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "local does not end:\n{}", self.read("stdout"));
            std::thread::sleep(POLL);
        }
    }

    /// The port that PostgreSQL was given.
    pub(crate) fn database_port(&self) -> u16 {
        let stdout = self.read("stdout");
        // Other lines say where its files are, or that it is being fetched.
        let mut lines = stdout.lines().filter(|line| line.trim_start().starts_with("PostgreSQL "));
        let (_, rest) = lines.find_map(|line| line.split_once("127.0.0.1:")).expect("a line has the address");
        rest.split(',').next().and_then(|port| port.parse().ok()).expect("the address has a port")
    }
}

fn free_ports() -> [u16; 3] {
    [(); 3].map(|()| ports::free().expect("a free port"))
}

/// A directory with `local` and both services in it, as cargo lays it out.
fn lay_out() -> Arc<TempDir> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    // PostgreSQL's account has to get in.
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("the directory is ours");
    // As cargo lays it out: the files are kept in `local`, beside `debug`.
    fs::write(directory.path().join("CACHEDIR.TAG"), "").expect("a file can be made");
    let debug = directory.path().join("debug");
    fs::create_dir(&debug).expect("a directory can be made");
    fs::copy(env!("CARGO_BIN_EXE_local"), debug.join("local")).expect("the binary can be copied");
    for name in ["frontend-api", "private-service"] {
        fs::write(debug.join(name), include_str!("fake_service.py")).expect("a script can be written");
        fs::set_permissions(debug.join(name), Permissions::from_mode(0o755)).expect("the script is ours");
    }
    Arc::new(directory)
}

impl Drop for System {
    fn drop(&mut self) {
        // What it started ends with it; that is tested, too.
        self.child.kill().and_then(|()| self.child.wait()).expect("local can be killed");
    }
}

pub(crate) fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// The whole answer to a GET request.
pub(crate) fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("something listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

pub(crate) fn wait_until_closed(ports: &[u16]) {
    let deadline = Instant::now() + PATIENCE;
    while let Some(port) = ports.iter().find(|&&port| answers(port)) {
        assert!(Instant::now() < deadline, "port {port} still answers");
        std::thread::sleep(POLL);
    }
}
