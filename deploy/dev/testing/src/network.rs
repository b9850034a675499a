//! A network of one test's own: a namespace in which any address can be a server of ours, be cut off, or not be there,
//! and from which no packet leaves the machine.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::unistd::geteuid;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const PREFIX: &str = "causeway-test-";
/// `ip netns exec` shows the files in here to its program as those of `/etc`.
const ETC: &str = "/etc/netns";

/// The ways in which a route leads nowhere, each with a different error.
#[derive(Debug, Clone, Copy)]
pub enum DeadEnd {
    /// EHOSTUNREACH
    Unreachable,
    /// EINVAL
    Blackhole,
    /// EACCES
    Prohibit,
}

/// A network namespace. It goes when it is dropped, also when the test fails.
#[derive(Debug)]
pub struct Network {
    name: String,
    ip: PathBuf,
    iptables: PathBuf,
}

impl Network {
    /// A network with nothing but 127.0.0.1. `None` where there can be none, after a line that says why; with `CI` set
    /// that is a failure.
    #[expect(clippy::print_stderr, reason = "a test that proves nothing must say so")]
    pub fn create() -> Option<Self> {
        match Self::try_create() {
            Ok(network) => Some(network),
            Err(missing) => {
                assert!(std::env::var_os("CI").is_none(), "no network of the test's own: {missing}");
                eprintln!("skipped: no network of the test's own: {missing}");
                crate::not_run::note(&missing);
                None
            }
        }
    }

    fn try_create() -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if !cfg!(target_os = "linux") {
            return Err("it needs Linux".to_owned());
        }
        if !geteuid().is_root() {
            return Err("need root".to_owned());
        }
        let ip = find("ip").ok_or("there is no `ip` (Debian: iproute2)")?;
        let iptables = find("iptables").ok_or("there is no `iptables`")?;
        sweep(&ip);
        let name = format!("{PREFIX}{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        run(Command::new(&ip).args(["netns", "add", &name]))?;
        let network = Self { name, ip, iptables };
        run(network.ip_command(&["link", "set", "lo", "up"]))?;
        fs::create_dir_all(network.etc()).map_err(|error| format!("{}: {error}", network.etc().display()))?;
        Ok(network)
    }

    /// From now on this address is one of ours, as those of 127.0.0.0/8 are.
    pub fn add(&self, address: &str) {
        self.ip(&["addr", "add", address, "dev", "lo"]);
    }

    /// Drops every packet to this address and port.
    pub fn drop_packets(&self, address: &str, port: u16) {
        let port = port.to_string();
        self.iptables(&["-d", address, "-p", "tcp", "--dport", &port, "-j", "DROP"]);
    }

    /// Drops every packet over TCP.
    pub fn drop_all_tcp(&self) {
        self.iptables(&["-p", "tcp", "-j", "DROP"]);
    }

    /// Drops the packets over TCP that these arguments of iptables match.
    pub fn drop_matching(&self, rule: &[&str]) {
        self.iptables(&[&["-p", "tcp"], rule, &["-j", "DROP"]].concat());
    }

    /// Packets are at most so long, as on a real network; on loopback they are 64 KiB.
    pub fn mtu(&self, bytes: u32) {
        self.ip(&["link", "set", "lo", "mtu", &bytes.to_string(), "gso_max_segs", "1"]);
    }

    /// All packets together pass at this rate, so that each waits for those before it.
    pub fn slow_down(&self, bits_per_second: u32) {
        let rate = format!(
            "netns exec {} tc qdisc add dev lo root tbf rate {bits_per_second}bit burst 1600 latency 30s",
            self.name
        );
        let mut command = Command::new(&self.ip);
        run(command.args(rate.split(' '))).unwrap_or_else(|problem| panic!("{problem}"));
    }

    /// Connections from inside leave from these ports alone.
    pub fn local_ports(&self, first: u16, last: u16) {
        let range = format!("net.ipv4.ip_local_port_range={first} {last}");
        let mut command = Command::new(&self.ip);
        run(command.args(["netns", "exec", &self.name, "sysctl", "-qw", &range]))
            .unwrap_or_else(|problem| panic!("{problem}"));
    }

    /// Makes the way to this address a dead end.
    pub fn dead_end(&self, kind: DeadEnd, address: &str) {
        self.ip(&["route", "add", &format!("{kind:?}").to_lowercase(), address]);
    }

    /// What programs that run inside find in `/etc/resolv.conf`.
    pub fn resolv_conf(&self, content: &str) {
        fs::write(self.etc().join("resolv.conf"), content).expect("the namespace's resolv.conf can be written");
    }

    /// What programs that run inside find in `/etc/hosts`.
    pub fn hosts(&self, content: &str) {
        fs::write(self.etc().join("hosts"), content).expect("the namespace's hosts can be written");
    }

    /// A listening socket inside, for a server outside.
    pub fn listen(&self, address: SocketAddr) -> TcpListener {
        let listener = self.inside(move || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true).map(|()| listener)
        });
        let listener = listener.unwrap_or_else(|error| panic!("{address} in {}: {error}", self.name));
        TcpListener::from_std(listener).expect("the test has a runtime")
    }

    /// A UDP socket inside, for a server outside.
    pub fn bind_udp(&self, address: SocketAddr) -> UdpSocket {
        let socket = self.inside(move || {
            let socket = std::net::UdpSocket::bind(address)?;
            socket.set_nonblocking(true).map(|()| socket)
        });
        let socket = socket.unwrap_or_else(|error| panic!("{address} in {}: {error}", self.name));
        UdpSocket::from_std(socket).expect("the test has a runtime")
    }

    /// Lets `address` inside lead to `upstream` outside, until the runtime ends.
    pub fn forward(&self, address: SocketAddr, upstream: SocketAddr) {
        let listener = self.listen(address);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(upstream).await {
                        client.set_nodelay(true).and(server.set_nodelay(true)).ok();
                        // An error means that one side has ended. Dropping both reports it to the other side.
                        copy_bidirectional(&mut client, &mut server).await.ok();
                    }
                });
            }
        });
    }

    /// The program and arguments that run `program` inside.
    pub fn command<'a>(&'a self, program: &'a str, arguments: &[&'a str]) -> (&'a Path, Vec<&'a str>) {
        (&self.ip, [&["netns", "exec", &self.name, program], arguments].concat())
    }

    /// Runs `work` on a thread inside; the sockets that it opens stay there.
    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = Path::new("/run/netns").join(&self.name);
        let namespace = File::open(&namespace).unwrap_or_else(|error| panic!("{}: {error}", namespace.display()));
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                enter(&namespace);
                work()
            });
            thread.join().expect("the work does not panic")
        })
    }

    fn etc(&self) -> PathBuf {
        Path::new(ETC).join(&self.name)
    }

    fn ip_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.ip);
        command.args(["-netns", &self.name]).args(arguments);
        command
    }

    fn ip(&self, arguments: &[&str]) {
        run(self.ip_command(arguments)).unwrap_or_else(|problem| panic!("{problem}"));
    }

    fn iptables(&self, rule: &[&str]) {
        let mut command = Command::new(&self.ip);
        command.args(["netns", "exec", &self.name]).arg(&self.iptables).args(["-w", "-A", "INPUT"]).args(rule);
        run(command).unwrap_or_else(|problem| panic!("{problem}"));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        remove(&self.ip, &self.name);
    }
}

/// From now on this thread is inside.
#[cfg(target_os = "linux")]
fn enter(namespace: &File) {
    nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET).expect("root may enter a namespace");
}

#[cfg(not(target_os = "linux"))]
fn enter(_: &File) {
    unreachable!("no network was made");
}

/// Removes what killed runs left behind.
fn sweep(ip: &Path) {
    for entry in fs::read_dir(ETC).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            remove(ip, &name);
        }
    }
}

/// As far as it is there.
fn remove(ip: &Path, name: &str) {
    run(Command::new(ip).args(["netns", "del", name])).ok();
    fs::remove_dir_all(Path::new(ETC).join(name)).ok();
}

/// Such programs are often not in the PATH of a test.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    directories.map(|directory| directory.join(program)).find(|file| file.is_file())
}

fn run(mut command: impl std::borrow::BorrowMut<Command>) -> Result<(), String> {
    let command = command.borrow_mut();
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// An address and port, written as such.
pub fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}
