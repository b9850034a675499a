//! Places among the uploads. An upload that finds none waits, up to a time and with a limited number of others.
//!
//! One user gets a quarter of the places and of the waiting requests. An upload waits for its user's place first, so that
//! it keeps none that others could use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::auth::UserId;

/// How long an upload waits for its place.
const WAIT_LIMIT: Duration = Duration::from_secs(20);
/// Each can have a form of 128 KiB in memory.
const MOST_WAITING: usize = 256;
/// One user's part of the places and of those who wait is one of so many.
const SHARES: usize = 4;

/// The places of all users.
pub(super) struct Places {
    count: usize,
    all: Line,
    users: Mutex<HashMap<UserId, Weak<Line>>>,
}

/// The place of one upload, until it is dropped.
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_user: OwnedSemaphorePermit,
    /// The next upload of the user finds the same line.
    _line: Arc<Line>,
}

/// Some places, and how many may wait for them.
struct Line {
    places: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Line {
    fn new(places: usize, waiting: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), waiting: Semaphore::new(waiting) }
    }

    async fn place(&self) -> OwnedSemaphorePermit {
        self.places.clone().acquire_owned().await.expect("it is never closed")
    }
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self { count, all: Line::new(count, MOST_WAITING), users: Mutex::default() }
    }

    /// Returns how many are taken.
    pub(super) fn taken(&self) -> usize {
        self.count.saturating_sub(self.all.places.available_permits())
    }

    /// Waits for a place. Returns `None` after the time limit, and at once if too many wait.
    pub(super) async fn take(&self, user: UserId) -> Option<Place> {
        let line = self.line_of(user);
        let _waiting = (line.waiting.try_acquire().ok()?, self.all.waiting.try_acquire().ok()?);
        let places = timeout(WAIT_LIMIT, async { (line.place().await, self.all.place().await) }).await;
        let (of_user, of_all) = places.ok()?;
        Some(Place { _of_all: of_all, _of_user: of_user, _line: line.clone() })
    }

    fn line_of(&self, user: UserId) -> Arc<Line> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = users.get(&user).and_then(Weak::upgrade) {
            return line;
        }
        // No more users have a line than uploads run and wait.
        users.retain(|_, line| line.strong_count() > 0);
        let line = Arc::new(Line::new((self.count / SHARES).max(1), MOST_WAITING / SHARES));
        users.insert(user, Arc::downgrade(&line));
        line
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use tokio::time::Instant;

    use super::*;

    fn user(id: i64) -> UserId {
        UserId::of_row(id)
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_has_a_quarter_of_the_places_and_keeps_no_others_while_more_wait() {
        let places = Places::new(8);
        let mut first = vec![places.take(user(1)).await, places.take(user(1)).await];
        let mut third = pin!(places.take(user(1)));
        assert!(third.as_mut().now_or_never().is_none());
        assert_eq!(places.taken(), 2);
        let others = join_all((2..8).map(|id| places.take(user(id)))).await;
        assert!(others.iter().all(Option::is_some));
        first.pop();
        assert!(third.as_mut().now_or_never().flatten().is_some());
        drop((first, others));
        assert_eq!(places.taken(), 0);
        assert!(places.take(user(9)).await.is_some());
        assert_eq!(places.users.lock().unwrap().len(), 1, "lines that nothing uses are gone");
    }

    #[tokio::test(start_paused = true)]
    async fn one_place_is_enough_for_everyone_in_turn() {
        let places = Places::new(1);
        let taken = places.take(user(1)).await;
        let mut next = pin!(places.take(user(2)));
        assert!(next.as_mut().now_or_never().is_none());
        drop(taken);
        assert!(next.await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_gets_none() {
        let places = Places::new(1);
        let taken = places.take(user(1)).await;
        let begun = Instant::now();
        assert!(places.take(user(2)).await.is_none() && places.take(user(1)).await.is_none());
        assert_eq!(begun.elapsed().as_secs(), 2 * WAIT_LIMIT.as_secs());
        drop(taken);
        assert!(places.take(user(2)).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn if_too_many_of_one_user_or_of_all_wait_the_next_gets_none_at_once() {
        let places = Places::new(1);
        let _taken = places.take(user(0)).await;
        let mut waiting = Vec::new();
        for id in 1..=4 {
            for _ in 0..MOST_WAITING / SHARES {
                let mut wait = Box::pin(places.take(user(id)));
                assert!(wait.as_mut().now_or_never().is_none());
                waiting.push(wait);
            }
            if id == 1 {
                assert!(matches!(places.take(user(1)).now_or_never(), Some(None)));
            }
        }
        assert!(matches!(places.take(user(5)).now_or_never(), Some(None)));
        waiting.pop();
        assert!(places.take(user(5)).now_or_never().is_none(), "it waits");
    }
}
