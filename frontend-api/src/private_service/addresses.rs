//! The addresses behind the private service's name: resolved again and again, used in turn, without those that just failed.

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

/// Shorter than the TTL of Cloud Map's records (10 s), so that a new task is noticed early.
const FRESH_FOR: Duration = Duration::from_secs(2);
/// An address that failed gets no request for this long, as long as there is another.
const SHUNNED_FOR: Duration = Duration::from_secs(5);
const RESOLVE_LIMIT: Duration = Duration::from_secs(1);

/// A name, what it resolved to last, and which address to use next.
pub(super) struct Addresses {
    host: String,
    port: u16,
    known: Arc<watch::Sender<Known>>,
    /// Look-ups run here and not on the worker of the request that caused them, so that a caller that leaves or a worker
    /// that stops does not block the others.
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

    /// Returns all addresses, a different one first each time and those that just failed last. A record that is no longer
    /// fresh is resolved again after the answer; only the first look-up delays a request.
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

    /// Records a failure. Returns whether the address worked until now.
    pub(super) fn mark_failing(&self, address: SocketAddr) -> bool {
        self.failing().insert(address, Instant::now()).is_none()
    }

    /// Records an answer. Returns whether the address failed until now.
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

/// Resolves the name and stores the result. If the resolver fails, known addresses stay.
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

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: u16 = 80;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], PORT))
    }

    /// Addresses of `127.0.0.1` that have resolved to others this long ago.
    fn resolved(to: &[SocketAddr], ago: Duration) -> Addresses {
        let addresses = Addresses::new("127.0.0.1".to_owned(), PORT);
        addresses.known.send_modify(|known| {
            known.addresses = to.to_vec();
            known.at = Instant::now().checked_sub(ago);
        });
        addresses
    }

    #[tokio::test]
    async fn a_record_is_resolved_again_once_it_is_not_fresh_and_no_answer_waits_for_that() {
        let new = SocketAddr::from(([127, 0, 0, 1], PORT));
        for (ago, expected) in [(Duration::ZERO, address(1)), (FRESH_FOR, new)] {
            let addresses = resolved(&[address(1)], ago);
            assert_eq!(addresses.in_turn().await.unwrap(), [address(1)]);
            addresses.settled().await;
            assert_eq!(addresses.in_turn().await.unwrap(), [expected], "{ago:?}");
        }
    }

    #[tokio::test]
    async fn an_address_that_fails_is_last_until_it_is_well_or_has_left_the_record() {
        let [bad, good] = [address(1), address(2)];
        let addresses = resolved(&[bad, good], Duration::ZERO);
        assert_eq!(addresses.in_turn().await.unwrap(), [bad, good]);
        assert_eq!(addresses.in_turn().await.unwrap(), [good, bad]);
        assert!(addresses.mark_failing(bad) && !addresses.mark_failing(bad), "only the first failure is news");
        for _ in 0..2 {
            assert_eq!(addresses.in_turn().await.unwrap(), [good, bad]);
        }
        assert!(addresses.mark_well(bad) && !addresses.mark_well(bad));
        assert_eq!(addresses.in_turn().await.unwrap(), [bad, good]);
        addresses.mark_failing(bad);
        addresses.mark_failing(good);
        addresses.forget_all_but(&[good]);
        assert!(addresses.mark_failing(bad) && !addresses.mark_failing(good));
    }

    #[test]
    fn a_failed_look_up_keeps_the_addresses_and_is_repeated_only_if_there_are_none() {
        let mut known = Known { resolving: true, ..Known::default() };
        known.take_in("name", Err(no_address()));
        assert!(known.at.is_none() && known.failure.is_some() && !known.resolving);
        known.take_in("name", Ok(vec![address(2), address(1), address(2)]));
        assert_eq!(known.addresses, [address(1), address(2)]);
        assert!(known.at.is_some() && known.failure.is_none());
        known.at = None;
        known.take_in("name", Err(no_address()));
        assert_eq!(known.addresses, [address(1), address(2)]);
        assert!(known.at.is_some() && known.failure.is_some());
    }
}
