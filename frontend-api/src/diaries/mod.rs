//! Diaries: texts with pictures.
//!
//! Every method names the user, so that another user's diary is one that does not exist.

mod config;
mod error;
mod form;
pub mod handlers;
mod idempotency;
mod migrations;
mod newest;
mod picture;
mod pictures;
mod store;
mod sweep;
mod upload;
mod view;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_common::tasks::Tasks;
use causeway_common::telemetry::trace;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

pub use self::config::DiariesConfig;
pub use self::error::{DiaryError, KINDS};
pub use self::idempotency::IdempotencyKey;
pub use self::migrations::migrations;
use self::picture::Kind;
use self::store::Asked;
pub use self::store::Diary;
use self::upload::Upload;
pub use self::writing::Writing;
use crate::auth::{Auth, DiaryId, UserId};
use crate::aws::Aws;
use crate::aws::s3::S3;
use crate::batch::{self, Batcher, Unread};
use crate::database::{Database, DatabaseError, Lane};

/// How long an upload waits for its place.
const PLACE_LIMIT: Duration = Duration::from_secs(20);
/// How long a picture's URL can be used.
const URL_LIFE: Duration = Duration::from_secs(120);

/// What a diary is written from, besides its picture.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// What was written.
    pub text: String,
    /// What the picture shows, in words.
    pub alt: String,
}

/// The diaries of all users.
pub struct Diaries {
    shared: Arc<Shared>,
    lists: Batcher<Asked, Vec<Diary>, Arc<DatabaseError>>,
}

/// What a diary that is being written needs even when its caller has left.
struct Shared {
    database: Database,
    s3: Option<Arc<S3>>,
    uploads: Arc<Semaphore>,
    user_bytes: i64,
}

impl Diaries {
    /// Adds to `tasks` the loop that lists diaries and the sweep. `queue` and `patience` bound the requests that wait for
    /// the first; `deleted` is notified when a user was deleted.
    pub fn new(
        config: DiariesConfig,
        (queue, patience): (usize, Duration),
        (database, auth): (&Database, &Data<Auth>),
        deleted: Arc<Notify>,
        tasks: &mut Tasks,
    ) -> Self {
        let (lists, inbox) = batch::paced(queue, patience);
        tasks.serve("lists of diaries", newest::run(database.clone(), inbox));
        let limit = config.storage_timeout;
        let s3 = config.bucket.map(|bucket| Arc::new(S3::new(Arc::new(Aws::default()), bucket, limit)));
        tasks.spawn("sweep", sweep::run(database.clone(), auth.clone().into_inner(), s3.clone(), deleted));
        let uploads = Arc::new(Semaphore::new(config.uploads));
        let shared = Shared { database: database.clone(), s3, uploads, user_bytes: config.user_bytes };
        Self { shared: Arc::new(shared), lists }
    }

    /// Begins to write a diary of `user`.
    ///
    /// # Errors
    /// If the key is in use.
    pub async fn begin(&self, user: UserId, key: Option<IdempotencyKey>) -> Result<Writing, DiaryError> {
        Writing::begin(self.shared.clone(), user, key).await
    }

    /// Returns up to `most` diaries of `owner` whose ids are below `before`, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self, owner: UserId, before: i64, most: u16) -> Result<Vec<Diary>, DiaryError> {
        self.database().availability().check()?;
        let asked = Asked { owner, before, most: most.into() };
        Ok(self.lists.submit(asked, trace::Context::default()).await.map_err(Unread::from)?)
    }

    /// Returns one diary.
    ///
    /// # Errors
    /// If `owner` has no diary with this id, or has deleted it.
    pub async fn find(&self, owner: UserId, id: DiaryId) -> Result<Diary, DiaryError> {
        let find = async |connection: &_| store::find(connection, owner, id).await;
        self.database().run(Lane::Shared, find).await?.ok_or(DiaryError::NotFound)
    }

    /// Replaces the text of a diary.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn change(&self, owner: UserId, id: DiaryId, text: &str) -> Result<Diary, DiaryError> {
        form::check_text(text)?;
        let change = async |connection: &_| store::change(connection, owner, id, text).await;
        self.database().run(Lane::Shared, change).await?.ok_or(DiaryError::NotFound)
    }

    /// Deletes a diary. It can be restored for 30 days.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn delete(&self, owner: UserId, id: DiaryId) -> Result<Diary, DiaryError> {
        let delete = async |connection: &_| store::delete(connection, owner, id).await;
        self.database().run(Lane::Shared, delete).await?.ok_or(DiaryError::NotFound)
    }

    /// Takes a deletion back.
    ///
    /// # Errors
    /// If `owner` has no deleted diary with this id.
    #[allow(dead_code, reason = "the pages offer it")]
    pub async fn restore(&self, owner: UserId, id: DiaryId) -> Result<Diary, DiaryError> {
        let restore = async |connection: &_| store::restore(connection, owner, id).await;
        self.database().run(Lane::Shared, restore).await?.ok_or(DiaryError::NotFound)
    }

    /// Returns a URL by which the picture of a diary can be read for two minutes.
    ///
    /// # Errors
    /// As [`Self::find`], and if it has no picture.
    pub async fn picture_url(&self, owner: UserId, id: DiaryId) -> Result<String, DiaryError> {
        let key = self.find(owner, id).await?.picture.ok_or(DiaryError::NoPicture)?;
        let s3 = self.shared.s3.as_ref().ok_or(DiaryError::NoStorage)?;
        let media_type = Kind::of_key(&key).map_or("application/octet-stream", Kind::media_type);
        Ok(s3.presign(&key, media_type, URL_LIFE).await?)
    }

    fn database(&self) -> &Database {
        &self.shared.database
    }
}

impl Shared {
    /// Waits for a place among the uploads.
    async fn admit(&self, owner: UserId) -> Result<Upload, DiaryError> {
        let s3 = self.s3.clone().ok_or(DiaryError::NoStorage)?;
        let used = async |connection: &_| pictures::bytes_of(connection, owner).await;
        if self.database.run(Lane::Shared, used).await? >= self.user_bytes {
            return Err(DiaryError::Full { most: self.user_bytes });
        }
        let place = timeout(PLACE_LIMIT, self.uploads.clone().acquire_owned()).await;
        let place = place.map_err(|_| DiaryError::Busy)?.expect("it is never closed");
        Ok(Upload::new(self.database.clone(), s3, owner, place))
    }
}

/// A text that nobody can guess and that occurs once.
fn random_text() -> String {
    let mut random = [0; 16];
    SystemRandom::new().fill(&mut random).expect("the system has random numbers");
    URL_SAFE_NO_PAD.encode(random)
}
