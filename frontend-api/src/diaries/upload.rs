//! A picture on its way from the request to the bucket: cleaned, and never more than one part of it in memory.

use std::sync::Arc;

use bytes::Bytes;
use causeway_common::random;

use super::error::DiaryError;
use super::picture::{Cleaner, Kind, PictureError};
use super::pictures;
use super::places::Place;
use crate::auth::UserId;
use crate::aws::s3::{PART, Parts, S3};
use crate::database::{Database, Lane};

/// A picture that is being uploaded.
pub(super) struct Upload {
    database: Database,
    s3: Arc<S3>,
    owner: UserId,
    cleaner: Cleaner,
    /// What has been cleaned and not sent.
    buffer: Vec<u8>,
    bytes: usize,
    /// Of the object, once there is a row for it.
    key: Option<String>,
    parts: Option<Parts>,
    _place: Place,
}

/// A picture whose object is there.
#[derive(Debug)]
pub(super) struct Uploaded {
    pub(super) key: String,
    pub(super) bytes: i64,
}

impl Upload {
    pub(super) fn new(database: Database, s3: Arc<S3>, owner: UserId, place: Place) -> Self {
        let cleaner = Cleaner::default();
        Self { database, s3, owner, cleaner, buffer: Vec::new(), bytes: 0, key: None, parts: None, _place: place }
    }

    /// Takes the next bytes, and sends a part once there is one.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), DiaryError> {
        if self.buffer.capacity() == 0 {
            // Growing would copy, and leave holes that the allocator keeps.
            self.buffer.reserve_exact(PART + bytes.len());
        }
        self.cleaner.push(bytes, &mut self.buffer)?;
        if self.buffer.len() < PART {
            return Ok(());
        }
        let part = self.take();
        let kind = self.cleaner.kind().ok_or(PictureError::Incomplete)?;
        let key = self.announce(kind).await?;
        let mut parts = match self.parts.take() {
            Some(parts) => parts,
            None => self.s3.begin_parts(&key, kind.media_type()).await?,
        };
        let sent = self.s3.put_part(&key, &mut parts, part).await;
        self.parts = Some(parts);
        Ok(sent?)
    }

    /// Sends the rest. Then the object is there.
    pub(super) async fn finish(&mut self) -> Result<Uploaded, DiaryError> {
        let kind = std::mem::take(&mut self.cleaner).finish()?;
        let rest = self.take();
        let key = self.announce(kind).await?;
        match &mut self.parts {
            None => self.s3.put(&key, kind.media_type(), rest).await?,
            Some(parts) => {
                if !rest.is_empty() {
                    self.s3.put_part(&key, parts, rest).await?;
                }
                self.s3.complete_parts(&key, parts).await?;
                self.parts = None;
            }
        }
        let bytes = i64::try_from(self.bytes).expect("a request is not that long");
        Ok(Uploaded { key, bytes })
    }

    /// Removes the parts that were sent. An object that may be there has a row, and waits for the sweep.
    pub(super) async fn give_up(mut self) {
        let (Some(key), Some(parts)) = (&self.key, self.parts.take()) else { return };
        if let Err(error) = self.s3.abort_parts(key, parts).await {
            tracing::warn!(%error, "parts of a picture are left; the bucket's lifecycle removes them");
        }
    }

    fn take(&mut self) -> Bytes {
        self.bytes += self.buffer.len();
        std::mem::take(&mut self.buffer).into()
    }

    /// Makes the row, before anything is sent, and returns the key.
    async fn announce(&mut self, kind: Kind) -> Result<String, DiaryError> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        let key = new_key(kind);
        let insert = async |connection: &_| pictures::announce(connection, &key, self.owner).await;
        self.database.run(Lane::Shared, insert).await?;
        self.key = Some(key.clone());
        Ok(key)
    }
}

/// A key says nothing but the type.
fn new_key(kind: Kind) -> String {
    format!("{}.{}", random::text(), kind.extension())
}
