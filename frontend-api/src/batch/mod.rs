//! A bounded queue of requests that one task serves many at a time.
//!
//! A feature calls [`Batcher::submit`] for each request. A task that belongs to no caller takes a [`Batch`] from the
//! [`Inbox`], does the work for all of it, and answers each request. A caller that leaves never interrupts the work for
//! the others, and every caller gets exactly one outcome: an answer or a [`Rejected`].

mod batcher;
mod inbox;
mod pace;
mod rejected;
mod request;
#[cfg(test)]
mod tests;
mod unread;

pub use self::batcher::{Batcher, paced, shared};
pub use self::inbox::{Batch, Inbox};
pub use self::rejected::Rejected;
pub use self::unread::{DEADLINE_PASSED, KINDS, QUEUE_FULL, STOPPING, Unread};
