//! Divides the pool: how many connections each batch loop and the single requests may use.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Database;

/// The user of a connection. Each batch loop serves many requests with one statement at a time, so one connection is
/// reserved for each loop. Single requests share the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// The loop that records visits.
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

    /// Waits for a connection of this lane to be free.
    pub(super) async fn place(&self, lane: Lane) -> OwnedSemaphorePermit {
        let places = match lane {
            Lane::VisitWrites => &self.reserved[0],
            Lane::VisitReads => &self.reserved[1],
            Lane::Sessions => &self.reserved[2],
            Lane::Diaries => &self.reserved[3],
            Lane::Shared => &self.shared,
        };
        places.clone().acquire_owned().await.expect("lanes are never closed")
    }
}

impl Database {
    /// Waits as a single request does until a connection is free for it, and takes none. Returns false if that takes longer
    /// than `limit`.
    pub async fn has_free_connection(&self, limit: Duration) -> bool {
        timeout(limit, self.lanes.place(Lane::Shared)).await.is_ok()
    }

    /// Returns how many connections single requests share.
    pub fn shared_connections(&self) -> usize {
        self.config.pool_size - RESERVED
    }
}
