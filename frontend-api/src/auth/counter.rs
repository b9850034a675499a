//! The counters of an attempt.

use std::time::Duration;

use super::token::sha256;

/// Counts something that is limited per period.
#[derive(Debug, Clone)]
pub struct Counter {
    pub(super) key: [u8; 32],
    pub(super) most: i32,
    pub(super) window: Duration,
    /// What a success does with the count.
    pub(super) success: Success,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Success {
    /// Gives the attempt back.
    GivesBack,
    /// Forgets all failures.
    Clears,
    /// Counts like a failure.
    Counts,
}

impl Counter {
    /// The database gets a hash of what is counted, and never an email or an address.
    pub(super) fn new(parts: &[&str], most: i32, window: Duration, success: Success) -> Self {
        Self { key: sha256(parts.join("\0").as_bytes()), most, window, success }
    }
}
