//! Conflicts: the server rolled something back because of another transaction (SQLSTATE 40001, 40P01). Nothing of it was stored,
//! so it runs again after a pause that differs from the other one's.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::metrics;

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How often and how long something is repeated.
pub struct Repetition {
    deadline: Instant,
    pause: Duration,
}

impl Repetition {
    /// Nothing is begun again after `limit`.
    pub(super) fn within(limit: Duration) -> Self {
        Self { deadline: Instant::now() + limit, pause: FIRST_PAUSE }
    }

    /// Waits for the next attempt. Returns false if it would begin too late.
    pub async fn again(&mut self) -> bool {
        let next = Instant::now() + jittered(self.pause);
        if next >= self.deadline {
            return false;
        }
        metrics::repeated();
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        sleep_until(next).await;
        true
    }
}

/// From half of the pause to the whole of it.
fn jittered(pause: Duration) -> Duration {
    // A new state has new keys.
    let random = u32::try_from(RandomState::new().hash_one(0) % 1024).unwrap_or_default();
    pause / 2 + pause * random / 2048
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pauses_differ_and_end_before_the_deadline() {
        let pauses: Vec<_> = (0..100).map(|_| jittered(LONGEST_PAUSE)).collect();
        assert!(pauses.iter().all(|pause| (LONGEST_PAUSE / 2..=LONGEST_PAUSE).contains(pause)), "{pauses:?}");
        let middle = LONGEST_PAUSE * 3 / 4;
        assert!(pauses.iter().any(|pause| *pause < middle) && pauses.iter().any(|pause| *pause > middle), "{pauses:?}");
        let mut repetition = Repetition::within(Duration::from_secs(1));
        let mut attempts = 1;
        while repetition.again().await {
            attempts += 1;
        }
        // Pauses that double from 1 ms leave no time for more.
        assert!((2..=28).contains(&attempts), "{attempts}");
        assert!(!Repetition::within(Duration::ZERO).again().await);
    }
}
