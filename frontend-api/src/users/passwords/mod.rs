//! Passwords: which are accepted, and how they are hashed.
//!
//! Argon2id needs 19 MiB per hash. The C library's allocator would keep such blocks and allocate new ones for each hash. So
//! this module keeps at most two blocks, which it allocates at the first use and frees after an idle minute.

mod argon;
mod rules;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use self::argon::Memory;
pub(super) use self::rules::Password;
use super::error::UserError;

/// Passwords that are hashed at a time.
const AT_A_TIME: usize = 2;
const IDLE: Duration = Duration::from_secs(60);
/// How long a password waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hashes passwords.
pub(super) struct Passwords {
    /// One permit for each [`Place`].
    admission: Arc<Semaphore>,
    places: usize,
    turns: Arc<Semaphore>,
    memory: Mutex<Vec<Memory>>,
    /// A hash of the same cost that no password has, for users who do not exist.
    nobodys: SecretString,
    used: Notify,
    uses: AtomicU64,
}

/// The place of a request that may have passwords hashed. It is kept to the end of what the password was for, so that the
/// places bound also the requests that go on without their client.
pub(super) struct Place {
    passwords: Arc<Passwords>,
    _permit: OwnedSemaphorePermit,
}

/// The result of comparing a password with a hash.
pub(super) struct Verdict {
    pub(super) matches: bool,
    /// A new hash, if the password matches one that was made with other parameters than today's.
    pub(super) better: Option<SecretString>,
}

impl Passwords {
    /// `queue` requests may wait.
    pub(super) fn new(queue: usize) -> Self {
        let places = queue + AT_A_TIME;
        Self {
            admission: Arc::new(Semaphore::new(places)),
            places,
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
            memory: Mutex::default(),
            nobodys: argon::unmatched(),
            used: Notify::new(),
            uses: AtomicU64::new(0),
        }
    }

    /// Requests that have a place.
    pub(super) fn admitted(&self) -> usize {
        self.places - self.admission.available_permits()
    }

    /// Returns a place, if there is one.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Place, UserError> {
        let permit = self.admission.clone().try_acquire_owned().map_err(|_| UserError::Busy)?;
        Ok(Place { passwords: self.clone(), _permit: permit })
    }

    fn take(&self) -> Memory {
        self.pieces().pop().unwrap_or_default()
    }

    fn give_back(&self, memory: Memory) {
        self.pieces().push(memory);
        self.uses.fetch_add(1, Relaxed);
        self.used.notify_one();
    }

    fn pieces(&self) -> std::sync::MutexGuard<'_, Vec<Memory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees the memory when it was not used for a minute. Never ends.
    pub(super) async fn free_when_idle(self: Arc<Self>) {
        loop {
            self.used.notified().await;
            loop {
                let uses = self.uses.load(Relaxed);
                sleep(IDLE).await;
                if self.uses.load(Relaxed) == uses {
                    break;
                }
            }
            self.pieces().clear();
        }
    }
}

impl Place {
    /// Returns the password's hash as a PHC string.
    pub(super) async fn hash(&self, password: Password) -> Result<SecretString, UserError> {
        self.with_memory(move |memory| argon::hash(&password, memory)).await
    }

    /// Compares a password with a hash. Without a hash, or with one that can't be read, it takes as long and fails.
    pub(super) async fn verify(
        &self,
        password: &SecretString,
        hash: Option<&SecretString>,
    ) -> Result<Verdict, UserError> {
        let nobodys = self.passwords.nobodys.clone();
        let hash = hash.unwrap_or(&nobodys).clone();
        // A text that no password can be is wrong, but the answer must take as long.
        let (password, possible) = Password::presented(password);
        self.with_memory(move |memory| {
            let matches = argon::verify(&password, &hash, memory).unwrap_or_else(|| {
                argon::verify(&password, &nobodys, memory);
                false
            });
            let matches = matches && possible;
            let better = (matches && argon::is_outdated(&hash)).then(|| argon::hash(&password, memory));
            Verdict { matches, better }
        })
        .await
    }

    /// Runs `work` on another thread with a piece of memory. The caller may leave: the turn ends with the work.
    async fn with_memory<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, UserError> {
        let passwords = self.passwords.clone();
        let turn = timeout(PATIENCE, passwords.turns.clone().acquire_owned()).await.map_err(|_| UserError::Busy)?;
        let turn: OwnedSemaphorePermit = turn.expect("turns are never closed");
        let done = spawn_blocking(move || {
            let mut memory = passwords.take();
            let result = work(&mut memory);
            passwords.give_back(memory);
            drop(turn);
            result
        });
        Ok(done.await.expect("hashing neither panics nor is it aborted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_hash_that_can_be_read_a_password_is_wrong_after_the_same_work() {
        for hash in [None, Some(""), Some("$2b$12$x")] {
            let passwords = Arc::new(Passwords::new(1));
            let stored = hash.map(SecretString::from);
            let place = passwords.admit().unwrap();
            let verdict = place.verify(&"correct horse".into(), stored.as_ref()).await.unwrap();
            assert!(!verdict.matches && passwords.take().is_used(), "{hash:?}");
        }
    }
}
