//! The addresses behind the private service's name: fresh, spread over, and without those that just failed.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::error::PrivateServiceError;

/// Cloud Map's records live for 10 s here. Asking more often notices a new task early and costs half a packet a second.
const FRESH_FOR: Duration = Duration::from_secs(2);
/// An address that failed gets no request for this long, as long as there is another.
const SHUNNED_FOR: Duration = Duration::from_secs(5);
const RESOLVE_LIMIT: Duration = Duration::from_secs(1);

/// A name, what it resolved to last, and which address to use next.
pub(super) struct Addresses {
    host: String,
    port: u16,
    known: Arc<watch::Sender<Known>>,
    /// Look-ups run here and not on the worker of the request that caused them, so that neither a caller who hangs up
    /// nor a worker that stops leaves the others waiting.
    runtime: Handle,
    turn: AtomicUsize,
    /// The addresses whose last answer was a failure, and when that was.
    failing: Mutex<HashMap<SocketAddr, Instant>>,
}

#[derive(Default)]
struct Known {
    addresses: Vec<SocketAddr>,
    at: Option<Instant>,
    resolving: bool,
    failure: Option<Arc<io::Error>>,
}

impl Addresses {
    /// Resolves nothing yet. Look-ups will run in the caller's runtime.
    pub(super) fn new(host: String, port: u16) -> Self {
        let (turn, failing) = (AtomicUsize::new(0), Mutex::default());
        Self { host, port, known: Arc::default(), runtime: Handle::current(), turn, failing }
    }

    /// Returns all addresses, a different one first each time and those that just failed last. A record that is no
    /// longer fresh is resolved again behind the answer; only the first look-up is waited for.
    pub(super) async fn in_turn(&self) -> Result<Vec<SocketAddr>, PrivateServiceError> {
        self.resolve_if_due();
        let mut updates = self.known.subscribe();
        let usable = |known: &Known| !known.addresses.is_empty() || !known.resolving;
        let known = updates.wait_for(usable).await.expect("`self` keeps the sender");
        if known.addresses.is_empty() {
            let source = known.failure.clone().unwrap_or_else(|| Arc::new(no_address()));
            return Err(PrivateServiceError::Resolve { host: self.host.clone(), source });
        }
        let mut order = known.addresses.clone();
        drop(known);
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % order.len();
        order.rotate_left(first);
        let failing = self.failing();
        order.sort_by_key(|address| failing.get(address).is_some_and(|since| since.elapsed() < SHUNNED_FOR));
        Ok(order)
    }

    /// Returns an address that is not among `tried`, if one is known by now.
    pub(super) fn other_than(&self, tried: &[SocketAddr]) -> Option<SocketAddr> {
        self.known.borrow().addresses.iter().find(|address| !tried.contains(address)).copied()
    }

    /// Waits for the look-up that is under way, if there is one.
    pub(super) async fn settled(&self) {
        // An error says that there is no sender, and so no look-up to wait for.
        let _ = self.known.subscribe().wait_for(|known| !known.resolving).await;
    }

    /// Takes note of a failure. Returns whether the address was well until now.
    pub(super) fn mark_failing(&self, address: SocketAddr) -> bool {
        self.failing().insert(address, Instant::now()).is_none()
    }

    /// Takes note of an answer. Returns whether the address was failing until now.
    pub(super) fn mark_well(&self, address: SocketAddr) -> bool {
        self.failing().remove(&address).is_some()
    }

    /// Forgets everything about addresses that the name no longer has.
    pub(super) fn forget_all_but(&self, addresses: &[SocketAddr]) {
        self.failing().retain(|address, _| addresses.contains(address));
    }

    fn failing(&self) -> MutexGuard<'_, HashMap<SocketAddr, Instant>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn resolve_if_due(&self) {
        let begins = self.known.send_if_modified(|known| {
            let due = !known.resolving && known.at.is_none_or(|at| at.elapsed() >= FRESH_FOR);
            known.resolving |= due;
            due
        });
        if begins {
            self.runtime.spawn(resolve(self.host.clone(), self.port, self.known.clone()));
        }
    }
}

/// Resolves the name and takes in the result. A resolver that fails does no harm once there are addresses: they stay.
async fn resolve(host: String, port: u16, known: Arc<watch::Sender<Known>>) {
    let found = match timeout(RESOLVE_LIMIT, lookup_host((host.as_str(), port))).await {
        Ok(Ok(found)) => Ok(found.collect::<Vec<_>>()),
        Ok(Err(error)) => Err(error),
        Err(elapsed) => Err(elapsed.into()),
    };
    let found = found.and_then(|addresses| if addresses.is_empty() { Err(no_address()) } else { Ok(addresses) });
    known.send_modify(|known| known.take_in(&host, found));
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

impl Known {
    fn take_in(&mut self, host: &str, found: io::Result<Vec<SocketAddr>>) {
        let was_failing = self.failure.is_some();
        self.resolving = false;
        match found {
            Ok(mut addresses) => {
                addresses.sort_unstable();
                addresses.dedup();
                self.addresses = addresses;
                self.failure = None;
                if was_failing {
                    tracing::info!(host, "the private service's name can be resolved again");
                }
            }
            Err(error) => {
                if !was_failing {
                    tracing::warn!(host, %error, "the private service's name can't be resolved");
                }
                self.failure = Some(Arc::new(error));
            }
        }
        // Without any address the next request asks again.
        self.at = (!self.addresses.is_empty()).then(Instant::now);
    }
}
