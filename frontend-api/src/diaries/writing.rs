//! One diary from the first byte of its request to the commit.
//!
//! The order is: claim the key, say that a picture comes, send it to the bucket, and then in one transaction write the
//! diary, the picture's new state and what the key was used for. Whatever ends in between, no row names a missing object,
//! and an object without a diary has a row that the sweep finds.

use std::sync::Arc;

use causeway_common::http::limits::Clock;
use causeway_common::random;
use causeway_common::tasks;
use causeway_common::telemetry::trace;
use ring::digest::{Context, SHA256};

use super::error::DiaryError;
use super::idempotency::{self, Claim, Earlier, IdempotencyKey};
use super::pictures;
use super::store::{self, Diary};
use super::upload::{Upload, Uploaded};
use super::{Entry, Shared};
use crate::auth::UserId;
use crate::database::{DatabaseError, Lane};

/// The constraints that a user who was deleted meanwhile violates.
const OWNER: [&str; 2] = ["diaries_user_id_fkey", "idempotency_keys_user_id_fkey"];

/// A diary that is being written. If it is dropped before it is finished, its key is freed and its parts are removed.
pub struct Writing(Option<Inner>);

struct Inner {
    shared: Arc<Shared>,
    user: UserId,
    key: Option<IdempotencyKey>,
    attempt: String,
    /// What the key was used for. Then nothing is written, only compared.
    earlier: Option<Earlier>,
    /// Of the picture as it arrives.
    picture: Option<Context>,
    upload: Option<Upload>,
}

impl Writing {
    pub(super) async fn begin(
        shared: Arc<Shared>,
        user: UserId,
        key: Option<IdempotencyKey>,
    ) -> Result<Self, DiaryError> {
        let attempt = random::text();
        let begun = Self(Some(Inner { shared, user, key, attempt, earlier: None, picture: None, upload: None }));
        // A separate task: if the caller leaves meanwhile, what was begun is dropped only once the key is claimed.
        tasks::finish(begun.claim()).await.unwrap_or(Err(DiaryError::Lost))
    }

    async fn claim(mut self) -> Result<Self, DiaryError> {
        let Inner { shared, user, key: Some(key), attempt, earlier, .. } = self.inner() else { return Ok(self) };
        let claim = async |connection: &_| idempotency::claim(connection, *user, key, attempt).await;
        match shared.database.run(Lane::Shared, claim).await.map_err(no_user)? {
            Claim::Ours => {}
            Claim::InFlight => return Err(DiaryError::InFlight),
            Claim::Used(what) => *earlier = Some(what),
        }
        Ok(self)
    }

    fn inner(&mut self) -> &mut Inner {
        self.0.as_mut().expect("it is taken only at the end")
    }

    /// Waits for a place among the uploads if there can be any. Call it before much of a picture is read. `clock` is that of
    /// the body, for which the client cannot send meanwhile.
    pub async fn expect_picture(&mut self, clock: &Clock) -> Result<(), DiaryError> {
        if self.inner().shared.s3.is_some() { self.admit_picture(clock).await } else { Ok(()) }
    }

    async fn admit_picture(&mut self, clock: &Clock) -> Result<(), DiaryError> {
        let inner = self.inner();
        if inner.earlier.is_none() && inner.upload.is_none() {
            let admitted = inner.shared.admit(inner.user).await;
            clock.restart();
            inner.upload = Some(admitted?);
        }
        Ok(())
    }

    /// Takes the next bytes of the picture. The first ones wait for a place, as in [`Self::expect_picture`].
    pub async fn push(&mut self, bytes: &[u8], clock: &Clock) -> Result<(), DiaryError> {
        self.admit_picture(clock).await?;
        let inner = self.inner();
        inner.picture.get_or_insert_with(|| Context::new(&SHA256)).update(bytes);
        match &mut inner.upload {
            Some(upload) => upload.push(bytes).await,
            None => Ok(()),
        }
    }

    /// Writes the diary. Goes on to the end even if the caller leaves.
    pub async fn finish(mut self, entry: Entry) -> Result<Diary, DiaryError> {
        let mut inner = self.0.take().expect("it is taken only here");
        let work = async move {
            let result = inner.write(&entry).await;
            if result.is_err() {
                inner.give_up().await;
            }
            result
        };
        tasks::finish(work).await.unwrap_or(Err(DiaryError::Lost))
    }

    /// Frees the key and removes what was uploaded, because of an error.
    pub async fn give_up(mut self) {
        if let Some(inner) = self.0.take() {
            inner.give_up().await;
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let Some(inner) = self.0.take() else { return };
        // There is no runtime when the process ends; then the sweep does it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(trace::inherit(inner.give_up()));
        }
    }
}

impl Inner {
    async fn write(&mut self, entry: &Entry) -> Result<Diary, DiaryError> {
        let digest = self.digest(entry);
        if let Some(earlier) = &self.earlier {
            return if earlier.digest == digest { Ok(self.replay(earlier, entry)) } else { Err(DiaryError::KeyReused) };
        }
        let picture = match &mut self.upload {
            Some(upload) if self.picture.is_some() => Some(upload.finish().await?),
            _ => None,
        };
        let (user, key) = (self.user, self.key.as_ref().map(|key| (key, self.attempt.as_str())));
        let (picture, digest) = (picture.as_ref(), &digest);
        let mut repetition = self.shared.database.repetition();
        // `Database::repeating` wants a closure that tasks cannot have yet.
        let written = loop {
            let written = self.shared.database.transaction(async |transaction| {
                let diary =
                    store::insert(transaction, user, entry, picture.map(|picture| picture.key.as_str())).await?;
                if let Some(Uploaded { key, bytes }) = picture
                    && !pictures::settle(transaction, key, *bytes, diary.id.get()).await?
                {
                    return Err(DiaryError::Swept);
                }
                if let Some(key) = key {
                    let earlier = Earlier { digest: digest.clone(), diary: diary.id, created_at: diary.created_at };
                    if !idempotency::record(transaction, user, key, &earlier).await? {
                        return Err(DiaryError::InFlight);
                    }
                }
                Ok(diary)
            });
            match written.await {
                Err(DiaryError::Database(error)) if error.is_conflict() && repetition.again().await => {}
                written => break written,
            }
        };
        written.map_err(|error| match error {
            DiaryError::Database(error) => no_user(error),
            error => error,
        })
    }

    /// Returns the first answer again: nothing of it depends on what became of the diary.
    fn replay(&self, earlier: &Earlier, entry: &Entry) -> Diary {
        let created_at = earlier.created_at;
        Diary {
            id: earlier.diary,
            text: entry.text.clone(),
            alt: entry.alt.clone(),
            picture: self.picture.as_ref().map(|_| String::new()),
            created_at,
            updated_at: created_at,
            deleted_at: None,
        }
    }

    /// Of text, description and picture, as they arrived. The boundary of a form does not count.
    fn digest(&self, entry: &Entry) -> Vec<u8> {
        let mut digest = Context::new(&SHA256);
        for text in [&entry.text, &entry.alt] {
            digest.update(&(text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        }
        if let Some(picture) = &self.picture {
            digest.update(picture.clone().finish().as_ref());
        }
        digest.finish().as_ref().to_vec()
    }

    async fn give_up(mut self) {
        if let Some(upload) = self.upload.take() {
            upload.give_up().await;
        }
        if let (Some(key), None) = (&self.key, &self.earlier) {
            let free = async |connection: &_| idempotency::free(connection, self.user, key, &self.attempt).await;
            let freed: Result<(), DatabaseError> = self.shared.database.run(Lane::Shared, free).await;
            if let Err(error) = freed {
                // Not a warning: the log already says that the database is unavailable, one line per lost request would hide
                // that, and the key is free again after three minutes.
                tracing::debug!(error = causeway_common::telemetry::chain(&error), "an idempotency key stays taken");
            }
        }
    }
}

/// Returns that the user was deleted meanwhile, if this error says so.
fn no_user(error: DatabaseError) -> DiaryError {
    if OWNER.iter().any(|owner| error.violates(owner)) { DiaryError::NoUser } else { DiaryError::Database(error) }
}
