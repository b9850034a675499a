//! Divides the pool: how many connections each batch loop and the single requests may use.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Database, metrics};

/// The user of a connection. Each batch loop serves many requests with one statement, so one connection is reserved for each
/// loop. Single requests share the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// The loop that records visits. It may have more of them at once: see [`Database::permit`].
    VisitWrites,
    /// The loop that lists visits.
    VisitReads,
    /// The loop that looks sessions up.
    Sessions,
    /// The loop that lists diaries.
    Diaries,
    /// Every single request.
    Shared,
}

/// Lanes with a reserved connection.
const RESERVED: usize = 4;
/// Each lane has at least one connection.
pub(super) const SMALLEST_POOL: usize = RESERVED + 1;

/// The right to use one connection of the pool, as long as a clone of it lives.
#[derive(Clone)]
pub struct Permit(#[expect(dead_code, reason = "held for its drop")] Arc<OwnedSemaphorePermit>);

impl From<OwnedSemaphorePermit> for Permit {
    fn from(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(permit))
    }
}

pub(super) struct Lanes {
    reserved: [Arc<Semaphore>; RESERVED],
    shared: Arc<Semaphore>,
}

impl Lanes {
    /// Divides a pool of this size, at least [`SMALLEST_POOL`].
    pub(super) fn new(pool_size: usize) -> Self {
        let lane = |places| Arc::new(Semaphore::new(places));
        Self { reserved: std::array::from_fn(|_| lane(1)), shared: lane(pool_size - RESERVED) }
    }

    fn places(&self, lane: Lane) -> &Arc<Semaphore> {
        match lane {
            Lane::VisitWrites => &self.reserved[0],
            Lane::VisitReads => &self.reserved[1],
            Lane::Sessions => &self.reserved[2],
            Lane::Diaries => &self.reserved[3],
            Lane::Shared => &self.shared,
        }
    }

    /// Waits for a connection of this lane to be free.
    pub(super) async fn place(&self, lane: Lane) -> Permit {
        let place = self.places(lane).clone().acquire_owned().await;
        place.expect("lanes are never closed").into()
    }
}

impl Database {
    /// Returns a permit for one more statement of a batch loop: for its reserved connection or, while that one is busy, for
    /// one of those that single requests share. Those are borrowed only while more than half of them are free, and not when
    /// the server has just refused a connection. If there is none, it waits for the reserved one.
    pub async fn permit(&self, lane: Lane) -> Permit {
        let _waiting = metrics::Waiting::begin();
        let (reserved, shared) = (self.lanes.places(lane), &self.lanes.shared);
        let has_spare = || shared.available_permits() > self.shared_connections() - self.spare_connections();
        let mut free = reserved.clone().try_acquire_owned().ok();
        if free.is_none() && has_spare() && self.pool.manager().respect_refusal().is_ok() {
            free = shared.clone().try_acquire_owned().ok();
        }
        match free {
            Some(permit) => permit.into(),
            None => self.lanes.place(lane).await,
        }
    }

    /// Waits as a single request does until a connection is free for it, and takes none. Returns false if that takes longer
    /// than `limit`.
    pub async fn has_free_connection(&self, limit: Duration) -> bool {
        timeout(limit, self.lanes.place(Lane::Shared)).await.is_ok()
    }

    /// Returns how many connections single requests share.
    pub fn shared_connections(&self) -> usize {
        self.config.pool_size - RESERVED
    }

    /// Returns how many of those a batch loop may borrow.
    pub fn spare_connections(&self) -> usize {
        self.shared_connections() / 2
    }
}
