//! Diaries: texts with pictures.
//!
//! Every method names the user, so that another user's diary is one that does not exist.

mod config;
mod draft;
mod error;
mod form;
pub mod handlers;
mod idempotency;
mod metrics;
mod migrations;
mod newest;
mod picture;
mod pictures;
mod places;
mod store;
mod sweep;
mod upload;
mod view;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use causeway_common::random;
use causeway_common::tasks::Tasks;
use causeway_common::telemetry::trace;
use tokio::sync::{Notify, OnceCell};
use tokio::time::timeout;

pub use self::config::DiariesConfig;
pub use self::draft::{Draft, LIMITS as DRAFT};
pub use self::error::{DiaryError, KINDS};
pub use self::form::{LONGEST_ALT, LONGEST_TEXT};
pub use self::idempotency::IdempotencyKey;
pub use self::migrations::migrations;
use self::picture::Kind;
use self::places::Places;
use self::store::Asked;
pub use self::store::{Diary, Page};
use self::upload::Upload;
pub use self::writing::Writing;
use crate::auth::{Auth, DiaryId, UserId};
use crate::aws::s3::S3;
use crate::batch::{self, Batcher, Unread};
use crate::database::{Database, DatabaseError, Lane};

/// How long a page waits for the origin of its pictures, which needs credentials the first time.
const ORIGIN_LIMIT: Duration = Duration::from_millis(500);
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
    lists: Batcher<Asked, Page, Arc<DatabaseError>>,
    picture_origin: OnceCell<String>,
}

/// What a diary that is being written needs even when its caller has left.
struct Shared {
    database: Database,
    s3: Option<Arc<S3>>,
    uploads: Arc<Places>,
    user_bytes: i64,
}

impl Diaries {
    /// Adds to `tasks` the loop that lists diaries and the sweep. `queue` and `patience` bound the requests that wait for
    /// the first; `deleted` is notified when a user was deleted. Without `s3` diaries have no pictures.
    pub fn new(
        config: &DiariesConfig,
        s3: Option<Arc<S3>>,
        (queue, patience): (usize, Duration),
        (database, auth): (&Database, &Data<Auth>),
        deleted: Arc<Notify>,
        tasks: &mut Tasks,
    ) -> Self {
        let (lists, inbox) = batch::paced(queue, patience);
        tasks.serve("lists of diaries", newest::run(database.clone(), inbox));
        tasks.spawn("sweep", sweep::run(database.clone(), auth.clone().into_inner(), s3.clone(), deleted));
        let uploads = Arc::new(Places::new(config.uploads));
        let shared = Shared { database: database.clone(), s3, uploads, user_bytes: config.user_bytes };
        Self { shared: Arc::new(shared), lists, picture_origin: OnceCell::new() }
    }

    /// Begins to write a diary of `user`.
    ///
    /// # Errors
    /// If the key is in use.
    pub async fn begin(&self, user: UserId, key: Option<IdempotencyKey>) -> Result<Writing, DiaryError> {
        Writing::begin(self.shared.clone(), user, key).await
    }

    /// Returns up to `most` diaries of `owner` whose ids are below `before`, the newest first. Long texts make the page
    /// shorter.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self, owner: UserId, before: i64, most: u16) -> Result<Page, DiaryError> {
        self.database().availability().check()?;
        let asked = Asked { owner, before, most };
        Ok(self.lists.submit(asked, trace::current()).await.map_err(Unread::from)?)
    }

    /// Returns one diary.
    ///
    /// # Errors
    /// If `owner` has no diary with this id, or has deleted it.
    pub async fn find(&self, owner: UserId, id: DiaryId) -> Result<Diary, DiaryError> {
        let find = async |connection: &_| store::find(connection, owner, id).await;
        self.database().run(Lane::Shared, find).await?.ok_or(DiaryError::NotFound)
    }

    /// Replaces the text of a diary, and what its picture shows in words if `alt` says so.
    ///
    /// # Errors
    /// As [`Self::find`], and if the text is blank or one of them is too long.
    pub async fn change(&self, owner: UserId, id: DiaryId, text: &str, alt: Option<&str>) -> Result<Diary, DiaryError> {
        form::check_text(text)?;
        form::check_alt(alt.unwrap_or_default())?;
        let change = async |connection: &_| store::change(connection, owner, id, (text, alt)).await;
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

    /// Takes a deletion of the last 30 days back. A diary that is not deleted stays as it is, so that a caller whose answer
    /// was lost can ask again.
    ///
    /// # Errors
    /// If `owner` has no diary with this id, or deleted it earlier.
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

    /// Returns the origin of the URLs of pictures, as far as one can be had at once.
    pub async fn picture_origin(&self) -> Option<&str> {
        let s3 = self.shared.s3.as_ref()?;
        let sign = async || {
            let signed = timeout(ORIGIN_LIMIT, s3.presign("origin", "image/png", URL_LIFE)).await.ok()?.ok()?;
            Some(url::Url::parse(&signed).ok()?.origin().ascii_serialization())
        };
        let origin = self.picture_origin.get_or_try_init(async || sign().await.ok_or(())).await;
        origin.ok().map(String::as_str)
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
        let place = self.uploads.take(owner).await.ok_or(DiaryError::Busy)?;
        Ok(Upload::new(self.database.clone(), s3, owner, place))
    }
}

/// Returns a key for a form that is about to be shown.
pub fn new_key() -> IdempotencyKey {
    random::text().parse().expect("base64 is visible ASCII")
}
