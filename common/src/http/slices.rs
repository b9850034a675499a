//! Large answers that are the same for every caller.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

/// actix-http copies each piece of a body into the connection's memory, and takes the next one only when there is room.
const SLICE: usize = 16 * 1024;

/// A body that all its connections share; each copies one slice at a time.
#[derive(Debug)]
pub struct Slices(Bytes);

impl Slices {
    /// Sends `body`, which is not copied.
    pub fn new(body: Bytes) -> Self {
        Self(body)
    }
}

impl MessageBody for Slices {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.0.len().min(SLICE);
        Poll::Ready(Some(Ok(self.0.split_to(length))))
    }
}
