//! Why a diary was not written, read or changed.

use std::borrow::Cow;
use std::sync::Arc;

use causeway_common::http::limits::BodyError;
use causeway_common::http::problem::{BODY_TOO_LARGE, Failure, FieldError, Kind, NOT_FOUND, Retry};

use super::picture::PictureError;
use crate::aws::s3::S3Error;
use crate::batch::Unread;
use crate::database::DatabaseError;

/// Why a request failed, in the words of this feature.
#[derive(Debug, thiserror::Error)]
pub enum DiaryError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Unread(#[from] Unread<Arc<DatabaseError>>),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Storage(#[from] S3Error),
    #[error("the user has no such diary")]
    NotFound,
    #[error("the user was deleted meanwhile")]
    NoUser,
    #[error("the diary has no picture")]
    NoPicture,
    #[error("no bucket is configured")]
    NoStorage,
    #[error("too many pictures are being uploaded")]
    Busy,
    #[error("the form has {bytes} bytes")]
    TooLarge { bytes: u64 },
    #[error("the user has too many pictures")]
    Full { most: i64 },
    #[error("the sweep has taken the picture")]
    Swept,
    #[error("another request with this key is at work")]
    InFlight,
    #[error("the key was used for another content")]
    KeyReused,
    #[error("the task that writes the diary has ended")]
    Lost,
}

impl DiaryError {
    /// One field was refused.
    pub(super) fn field(field: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Body(BodyError::Fields(vec![FieldError::new(field, detail)]))
    }
}

/// The file is none of the pictures that are stored.
pub static PICTURE_TYPE: Kind = Kind {
    slug: "picture-type",
    status: 415,
    title: "Unsupported picture format",
    meaning: "The file is not a JPEG, PNG, WebP or GIF. Its content counts, not its name. Phones that make HEIC or AVIF can \
              send JPEG instead.",
    retry: Retry::Never,
};

/// The picture is damaged or too large.
pub static PICTURE_REFUSED: Kind = Kind {
    slug: "picture-refused",
    status: 422,
    title: "The picture was refused",
    meaning: "The picture is damaged, is not complete, or has no or too many pixels. The detail says which. Nothing was \
              stored.",
    retry: Retry::Never,
};

/// The user has stored as much as allowed.
pub static STORAGE_FULL: Kind = Kind {
    slug: "storage-full",
    status: 413,
    title: "Too many pictures",
    meaning: "Your pictures have reached the storage limit of one user. Those of deleted diaries count until they are removed, \
              after 30 days.",
    retry: Retry::Never,
};

/// S3 does not work.
pub static STORAGE_UNAVAILABLE: Kind = Kind {
    slug: "picture-storage-unavailable",
    status: 503,
    title: "Pictures are unavailable",
    meaning: "The storage of pictures is slow, refuses the service or cannot be reached. Diaries without a file are not \
              affected. Nothing was written.",
    retry: Retry::Later,
};

/// There is no bucket.
pub static NO_STORAGE: Kind = Kind {
    slug: "no-picture-storage",
    status: 503,
    title: "No pictures here",
    meaning: "This service has no bucket for pictures: its operator has not set DIARY_BUCKET. Diaries without a file work.",
    retry: Retry::Never,
};

/// All places for uploads are taken.
pub static UPLOADS_BUSY: Kind = Kind {
    slug: "uploads-busy",
    status: 503,
    title: "Too many uploads",
    meaning: "The maximum number of pictures, in total or for this user, is already being uploaded, and others are \
              waiting. Nothing was written.",
    retry: Retry::Later,
};

/// A request with the same key has not ended.
pub static KEY_IN_FLIGHT: Kind = Kind {
    slug: "idempotency-key-in-flight",
    status: 409,
    title: "The first request is still running",
    meaning: "Another request with this Idempotency-Key is still running. Repeat this request later to get the response.",
    retry: Retry::Later,
};

/// The key was used for something else.
pub static KEY_REUSED: Kind = Kind {
    slug: "idempotency-key-reused",
    status: 422,
    title: "The key was used",
    meaning: "This Idempotency-Key was used for another text or picture within 24 hours. Choose a new key for each diary.",
    retry: Retry::Never,
};

/// The service ended or failed in the middle.
pub static NOT_WRITTEN: Kind = Kind {
    slug: "diary-not-written",
    status: 503,
    title: "The diary was not written",
    meaning: "The service could not finish. With an Idempotency-Key, the request can be sent again without writing twice.",
    retry: Retry::Later,
};

/// What diaries report.
pub static KINDS: &[&Kind] = &[
    &PICTURE_TYPE,
    &PICTURE_REFUSED,
    &STORAGE_FULL,
    &STORAGE_UNAVAILABLE,
    &NO_STORAGE,
    &UPLOADS_BUSY,
    &KEY_IN_FLIGHT,
    &KEY_REUSED,
    &NOT_WRITTEN,
];

impl Failure for DiaryError {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::Database(error) => error.kind(),
            Self::Unread(error) => error.kind(),
            Self::Body(error) => error.kind(),
            Self::TooLarge { .. } => &BODY_TOO_LARGE,
            Self::Picture(PictureError::Unsupported { .. }) => &PICTURE_TYPE,
            Self::Picture(_) => &PICTURE_REFUSED,
            Self::Storage(_) => &STORAGE_UNAVAILABLE,
            Self::NotFound | Self::NoUser | Self::NoPicture => &NOT_FOUND,
            Self::NoStorage => &NO_STORAGE,
            Self::Busy => &UPLOADS_BUSY,
            Self::Full { .. } => &STORAGE_FULL,
            Self::InFlight => &KEY_IN_FLIGHT,
            Self::KeyReused => &KEY_REUSED,
            Self::Swept | Self::Lost => &NOT_WRITTEN,
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        match self {
            Self::Database(error) => error.detail(),
            Self::Unread(error) => error.detail(),
            Self::Body(error) => error.detail(),
            Self::Picture(error) => describe(*error),
            Self::Storage(_) => {
                "The storage of pictures did not do its part; nothing was written. Try again later.".into()
            }
            Self::NotFound => "You have no diary with this id.".into(),
            Self::NoUser => "Your account has been deleted; nothing was written.".into(),
            Self::NoPicture => "This diary has no picture.".into(),
            Self::NoStorage => "This service stores no pictures. Send the diary without a file.".into(),
            Self::Busy => "Too many pictures are being uploaded; nothing was written. Try again later.".into(),
            Self::TooLarge { bytes } => {
                format!("The picture has {} MB; 10 MB is the most.", bytes.div_ceil(1_000_000)).into()
            }
            Self::Full { most } => format!("Your pictures may need {} MB at most.", most / 1_000_000).into(),
            Self::Swept => "The upload took too long; nothing was written. Try again.".into(),
            Self::InFlight => "A request with this Idempotency-Key is at work; ask again for its answer.".into(),
            Self::KeyReused => "This Idempotency-Key was used for another text or picture.".into(),
            Self::Lost => "The service could not finish; it is unknown whether the diary was written.".into(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        if let Self::Body(error) = self { error.fields() } else { &[] }
    }
}

fn describe(error: PictureError) -> Cow<'static, str> {
    match error {
        PictureError::Unsupported { heif: true } => {
            "The file is HEIC or AVIF. JPEG, PNG, WebP and GIF are accepted; phones can send JPEG.".into()
        }
        PictureError::Unsupported { heif: false } => {
            "The file is none of JPEG, PNG, WebP and GIF, which are accepted. HEIC and AVIF are not.".into()
        }
        PictureError::Empty => "The picture has a width or height of 0.".into(),
        PictureError::TooManyPixels { width, height } => {
            format!("The picture has {width} × {height} pixels; 50 megapixels are accepted.").into()
        }
        PictureError::Malformed(why) => format!("The picture is damaged: {why}.").into(),
        PictureError::Incomplete => "The picture is not complete.".into(),
    }
}
