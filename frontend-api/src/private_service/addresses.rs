//! The addresses behind the private service's name: fresh, spread over, and without those that just failed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::error::PrivateServiceError;

/// Cloud Map's records live 10 s here; asking more often than that notices a new task early and costs half a packet a
/// second.
const FRESH_FOR: Duration = Duration::from_secs(2);
/// An address that failed gets no request for this long, as long as there is another.
const SHUNNED_FOR: Duration = Duration::from_secs(5);
const RESOLVE_LIMIT: Duration = Duration::from_secs(1);

/// A name, what it resolved to last, and which of that to use next.
pub(super) struct Addresses {
    host: String,
    port: u16,
    /// Held while the name is resolved: one look-up serves all who wait.
    resolved: tokio::sync::Mutex<Resolved>,
    shunned: Mutex<HashMap<SocketAddr, Instant>>,
}

#[derive(Default)]
struct Resolved {
    addresses: Vec<SocketAddr>,
    at: Option<Instant>,
    turn: usize,
}

impl Addresses {
    pub(super) fn new(host: String, port: u16) -> Self {
        Self { host, port, resolved: tokio::sync::Mutex::default(), shunned: Mutex::default() }
    }

    /// All addresses, in the order in which to try them: another one first each time, those that just failed last.
    pub(super) async fn in_turn(&self) -> Result<Vec<SocketAddr>, PrivateServiceError> {
        let mut resolved = self.resolved.lock().await;
        if resolved.at.is_none_or(|at| at.elapsed() >= FRESH_FOR) {
            self.refresh(&mut resolved).await?;
        }
        resolved.turn = resolved.turn.wrapping_add(1);
        let mut order = resolved.addresses.clone();
        let first = resolved.turn % order.len();
        drop(resolved);
        order.rotate_left(first);

        let mut shunned = self.shunned.lock().expect("no holder of this lock can panic");
        shunned.retain(|_, since| since.elapsed() < SHUNNED_FOR);
        order.sort_by_key(|address| shunned.contains_key(address));
        Ok(order)
    }

    pub(super) fn shun(&self, address: SocketAddr) {
        self.shunned.lock().expect("no holder of this lock can panic").insert(address, Instant::now());
    }

    /// A resolver that fails for a moment does no harm: the addresses known so far go on being used.
    async fn refresh(&self, resolved: &mut Resolved) -> Result<(), PrivateServiceError> {
        let lookup = timeout(RESOLVE_LIMIT, lookup_host((self.host.as_str(), self.port))).await;
        let found = match lookup {
            Ok(Ok(found)) => Ok(found.collect::<Vec<_>>()),
            Ok(Err(source)) => Err(source),
            Err(elapsed) => Err(elapsed.into()),
        };
        match found {
            Ok(mut addresses) if !addresses.is_empty() => {
                addresses.sort_unstable();
                addresses.dedup();
                resolved.addresses = addresses;
            }
            Ok(_) if resolved.addresses.is_empty() => return Err(PrivateServiceError::NoAddress(self.host.clone())),
            Err(source) if resolved.addresses.is_empty() => {
                return Err(PrivateServiceError::Resolve { host: self.host.clone(), source });
            }
            Ok(_) => tracing::warn!(host = self.host, "the private service's name has no address any more"),
            Err(error) => tracing::warn!(host = self.host, %error, "the private service's name can't be resolved"),
        }
        resolved.at = Some(Instant::now());
        Ok(())
    }
}
