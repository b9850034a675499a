//! A TCP proxy between a client and a server, for tests that break what is between them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const BACKLOG: u32 = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forward,
    Silent,
    Refuse,
}

/// What the connections watch. A new `generation` ends all that are older.
#[derive(Debug, Clone, Copy)]
struct State {
    mode: Mode,
    generation: u64,
}

/// A proxy on 127.0.0.1 whose port stays the same. It ends when it is dropped.
#[derive(Debug)]
pub struct TcpProxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    /// Whether the accepting task has done what `state` says: `refuse` and `heal` wait for it.
    listening: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl TcpProxy {
    /// Starts forwarding to `upstream`, such as `127.0.0.1:5432`. It need not be there yet.
    pub async fn start(upstream: impl Into<String>) -> Self {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = listener.local_addr().expect("a bound socket has an address");
        let (state, states) = watch::channel(State { mode: Mode::Forward, generation: 0 });
        let (listens, listening) = watch::channel(true);
        let task = tokio::spawn(serve(listener, address, upstream.into(), states, listens));
        Self { address, state, listening, task }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections; new ones are forwarded as before.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }

    /// From now on nothing passes: connections are accepted and stay open, as behind a firewall that drops packets.
    pub fn silence(&self) {
        self.state.send_modify(|state| state.mode = Mode::Silent);
    }

    /// Closes all connections and refuses new ones. The port stays ours.
    pub async fn refuse(&self) {
        self.state.send_modify(|state| *state = State { mode: Mode::Refuse, generation: state.generation + 1 });
        self.wait_until_listening(false).await;
    }

    /// Forwards again. What was held back by [`Self::silence`] arrives now.
    pub async fn heal(&self) {
        self.state.send_modify(|state| state.mode = Mode::Forward);
        self.wait_until_listening(true).await;
    }

    async fn wait_until_listening(&self, wanted: bool) {
        let mut listening = self.listening.clone();
        let change = timeout(CONNECT_LIMIT, listening.wait_for(|&now| now == wanted)).await;
        change.expect("the proxy follows within its limit").expect("the proxy runs");
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket.set_reuseaddr(true).expect("a socket's address can be reused");
    socket.bind(address).unwrap_or_else(|error| panic!("the proxy's port {address}: {error}"));
    socket
}

fn listen(address: SocketAddr) -> TcpListener {
    bind(address).listen(BACKLOG).expect("a bound socket can listen")
}

async fn serve(
    first: TcpListener,
    address: SocketAddr,
    upstream: String,
    mut states: watch::Receiver<State>,
    listens: watch::Sender<bool>,
) {
    let mut listener = first;
    loop {
        let watched = states.clone();
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    tokio::spawn(forward_one_generation(client, upstream.clone(), watched));
                }
            }
            lives = until(&mut states, |state| state.mode == Mode::Refuse) => {
                if !lives {
                    return;
                }
                drop(listener);
                                // Bound but not listening: connections are refused, and no other process gets the port.
                let reserved = bind(address);
                listens.send_replace(false);
                if !until(&mut states, |state| state.mode != Mode::Refuse).await {
                    return;
                }
                listener = reserved.listen(BACKLOG).expect("a bound socket can listen");
                listens.send_replace(true);
            }
        }
    }
}

/// Waits for a state; false when the proxy is gone.
async fn until(states: &mut watch::Receiver<State>, wanted: impl FnMut(&State) -> bool) -> bool {
    states.wait_for(wanted).await.is_ok()
}

async fn forward_one_generation(client: TcpStream, upstream: String, states: watch::Receiver<State>) {
    let mut watched = states.clone();
    let generation = states.borrow().generation;
    tokio::select! {
        () = forward(client, &upstream, states) => {}
        _ = until(&mut watched, |state| state.generation != generation) => {}
    }
}

/// One connection, until either side ends it or can't be reached.
async fn forward(client: TcpStream, upstream: &str, mut states: watch::Receiver<State>) {
    if !until(&mut states, |state| state.mode == Mode::Forward).await {
        return;
    }
    let Ok(Ok(server)) = timeout(CONNECT_LIMIT, TcpStream::connect(upstream)).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(pump(from_client, to_server, states.clone()), pump(from_server, to_client, states));
}

/// Copies until the end or an error; either shows on the other side as the end, as it would on a wire.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut states: watch::Receiver<State>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        // What was read just before the silence stays here until it is over.
        if !until(&mut states, |state| state.mode == Mode::Forward).await {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    // During a silence the end does not pass either.
    if until(&mut states, |state| state.mode == Mode::Forward).await {
        to.shutdown().await.ok();
    }
}
