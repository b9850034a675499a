//! Limits the memory of bodies that are kept whole and arrive slowly.
//!
//! Anybody may send a long form and take a while. One costs little, but each connection can have its own.

use bytes::{Bytes, BytesMut};

use super::room::{Budget, Room};

/// What each body may have without being counted. Most are shorter.
const SMALL: usize = 4 * 1024;
/// What a parser of forms keeps of a body at most: a part's head that does not end.
const PARSED: usize = 64 * 1024;
/// Bytes of all bodies in this process beyond that.
const MOST_TOGETHER: usize = 32 * 1024 * 1024;

static FREE: Budget = Budget::new(MOST_TOGETHER);

/// What has arrived of a body, or of a part of one.
#[derive(Debug, Default)]
pub struct Kept {
    bytes: BytesMut,
    room: Room,
}

/// Other long bodies arrive meanwhile, and leave no room for this one.
#[derive(Debug, thiserror::Error)]
#[error("other long bodies left no room for the body")]
pub struct NoRoom;

impl Kept {
    /// Adds what has arrived.
    ///
    /// # Errors
    /// If there is no room for it.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), NoRoom> {
        // Counted is what is allocated, which may be twice as much as has arrived.
        self.bytes.reserve(chunk.len());
        count(&mut self.room, self.bytes.capacity())?;
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Returns how many bytes have arrived.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns true if nothing has arrived.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the whole, and what counts it.
    pub fn into_parts(self) -> (Bytes, Room) {
        (self.bytes.freeze(), self.room)
    }
}

/// Counts what a parser may keep of a body of which so much has arrived.
///
/// # Errors
/// If there is no room for it.
pub(super) fn count_parsed(room: &mut Room, arrived: usize) -> Result<(), NoRoom> {
    count(room, arrived.min(PARSED))
}

fn count(room: &mut Room, kept: usize) -> Result<(), NoRoom> {
    if FREE.grow(room, kept.saturating_sub(SMALL)) { Ok(()) } else { Err(NoRoom) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_has_no_room_beside_the_other_long_ones_is_refused_until_they_have_arrived() {
        const LENGTH: usize = 256 * 1024;
        let mut arriving = Vec::new();
        loop {
            let mut body = Kept::default();
            match (0..LENGTH / 1000).try_for_each(|_| body.push(&[b'x'; 1000])) {
                Ok(()) => arriving.push(body),
                Err(NoRoom) => break,
            }
            assert!(arriving.len() * LENGTH < 2 * MOST_TOGETHER, "there is a limit");
        }
        let kept: usize = arriving.iter().map(|body| body.bytes.capacity() - SMALL).sum();
        assert!((MOST_TOGETHER * 9 / 10..=MOST_TOGETHER).contains(&kept), "{kept} bytes had room");

        let mut small = Kept::default();
        small.push(&[b'x'; SMALL]).expect("it is not long");
        drop(arriving.pop());
        small.push(&vec![b'x'; LENGTH / 2]).expect("one has arrived");

        let parser = || {
            let mut room = Room::default();
            count_parsed(&mut room, LENGTH).map(|()| room)
        };
        let parsers: Vec<_> =
            std::iter::repeat_with(parser).map_while(Result::ok).take(MOST_TOGETHER / PARSED).collect();
        assert!(parsers.len() < 2 * LENGTH / PARSED, "{} parsers had room as well", parsers.len());
        count_parsed(&mut Room::default(), SMALL).expect("little is not counted");
    }
}
