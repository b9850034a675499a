//! Memory of which all requests of this process have a limited amount together.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Smaller than a page of memory: what is lost by rounding is little.
const UNIT: usize = 1024;

/// An amount of memory, in units of [`UNIT`] bytes: a semaphore counts to less than the bytes of a large machine.
pub(super) struct Budget(Semaphore);

/// A part of a budget that is occupied until this is dropped.
#[derive(Debug, Default)]
pub struct Room(Option<SemaphorePermit<'static>>);

impl Budget {
    /// A budget of so many bytes.
    pub(super) const fn new(bytes: usize) -> Self {
        Self(Semaphore::const_new(bytes / UNIT))
    }

    /// Lets `room` grow to `bytes`, rounded up. Returns false if there is no room for that.
    pub(super) fn grow(&'static self, room: &mut Room, bytes: usize) -> bool {
        let has = room.0.as_ref().map_or(0, SemaphorePermit::num_permits);
        let more = bytes.div_ceil(UNIT).saturating_sub(has);
        let Ok(more) = u32::try_from(more) else { return false };
        if more == 0 {
            return true;
        }
        let Ok(more) = self.0.try_acquire_many(more) else { return false };
        match &mut room.0 {
            Some(room) => room.merge(more),
            none => *none = Some(more),
        }
        true
    }
}
