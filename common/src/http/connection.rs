//! Limits what one connection costs. actix-http reads ahead of the requests that it serves, and keeps in memory what the
//! client does not read; this stream below it limits both.
//!
//! - It reads about as much as eight requests, at most 2 KiB, and no ninth. It continues only once the answers are written, if a
//!   handler waits for a body, or for the rest of a head (at most 128 KiB). While a write is blocked, it does not read.
//! - It writes 64 KiB before the other connections of its worker get their turn.
//! - It ends the connection if a head is not complete within 5 s, if the rest of a body that no handler reads does not
//!   arrive within 5 s, or if a blocked write does not progress by 16 KiB in 15 s. [`limits`](super::limits) limits the
//!   time of bodies that handlers read.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

mod allowance;

pub(super) use self::allowance::Connection;
use self::allowance::PIECE;

/// Bytes of a head. actix-http refuses 128 KiB with a 431; this only has to be more.
const HEAD_BYTES: usize = 160 * 1024;
/// A client that has not sent a request's head by then is cut off.
pub(super) const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// Longer than keep-alive, which actix-http ends.
const IDLE_LIMIT: Duration = Duration::from_secs(80);
/// How long a blocked write may take to get [`WRITE_STEP`] further.
const WRITE_LIMIT: Duration = Duration::from_secs(15);
const WRITE_STEP: usize = 16 * 1024;
/// Bytes that are written before other connections get their turn.
const WRITE_TURN: usize = 64 * 1024;

/// A stream within the bounds of this module.
#[derive(Debug)]
pub(super) struct Bounded<T> {
    stream: Take<T>,
    /// What was read and must wait: it begins with a head too many.
    held: Bytes,
    connection: Rc<Connection>,
    /// Since when the connection has waited for the client, and whether the rest of a head or body is missing.
    quiet: Option<(Instant, bool)>,
    alarm: Option<Pin<Box<Sleep>>>,
    stall: Option<Stall>,
    /// Something was written since the last flush.
    has_written: bool,
    /// Bytes that were written since the last turn began.
    written_in_turn: usize,
}

#[derive(Debug)]
struct Stall {
    deadline: Pin<Box<Sleep>>,
    written: usize,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Bounded<T> {
    pub(super) fn new(stream: T) -> Self {
        let connection = Rc::new(Connection::new());
        Self {
            stream: stream.take(0),
            held: Bytes::new(),
            connection,
            quiet: None,
            alarm: None,
            stall: None,
            has_written: false,
            written_in_turn: 0,
        }
    }

    pub(super) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// Reads as much as is allowed. If that is nothing, returns `Pending` without the stream's waker.
    fn read_allowed(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.connection.is_used_up() || self.stall.is_some() {
            self.connection.reader.replace(Some(context.waker().clone()));
            let lacks_rest = self.connection.lacks_rest() && self.stall.is_none();
            if lacks_rest && self.connection.unanswered.get() < HEAD_BYTES {
                // Read on at the next poll: before it, actix-http parses what it has, which may be a whole head.
                self.connection.allow_heads(1);
                self.connection.allow(PIECE);
            }
            return Poll::Pending;
        }
        let allowance = self.connection.allowance.get();
        let handed = if self.held.is_empty() {
            let before = buffer.filled().len();
            self.stream.set_limit(allowance as u64);
            std::task::ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            let read = &buffer.filled()[before..];
            let handed = self.connection.up_to_last_head(read);
            self.held = Bytes::copy_from_slice(&read[handed..]);
            buffer.set_filled(before + handed);
            handed
        } else {
            let fits = self.held.len().min(buffer.remaining()).min(allowance);
            let handed = self.connection.up_to_last_head(&self.held[..fits]);
            buffer.put_slice(&self.held[..handed]);
            self.held.advance(handed);
            handed
        };
        self.connection.has_read(handed);
        Poll::Ready(Ok(()))
    }

    /// Fails if the rest of a head or body is missing for too long, or the client is silent for very long. The alarm is not
    /// reset for each request, because that would cost more than the rest of this file.
    fn check_silence(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let quiet =
            (self.stall.is_none() && self.connection.requests.get() == 0).then(|| self.connection.client_owes());
        if self.quiet.map(|(_, owes)| owes) != quiet {
            self.quiet = quiet.map(|owes| (Instant::now(), owes));
        }
        loop {
            let due = self.quiet.map(|(since, owes)| since + if owes { HEAD_LIMIT } else { IDLE_LIMIT });
            let alarm = match (&mut self.alarm, due) {
                (Some(alarm), _) => alarm,
                (None, Some(due)) => self.alarm.insert(Box::pin(sleep_until(due))),
                (None, None) => return Ok(()),
            };
            if let Some(due) = due
                && due < alarm.deadline()
            {
                alarm.as_mut().reset(due);
            }
            if alarm.as_mut().poll(context).is_pending() {
                return Ok(());
            }
            self.alarm = None;
            if due.is_some_and(|due| due <= Instant::now()) {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the client did not send a whole request in time"));
            }
        }
    }

    fn note_progress(&mut self, bytes: usize) {
        self.has_written = true;
        self.written_in_turn += bytes;
        // The time of what comes next starts again, even if the stream is not polled before it arrives.
        self.quiet = None;
        if let Some(stall) = &mut self.stall {
            stall.written += bytes;
            if stall.written >= WRITE_STEP {
                stall.written = 0;
                stall.deadline.as_mut().reset(Instant::now() + WRITE_LIMIT);
            }
        }
    }

    fn check_stall(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let stall = self.stall.get_or_insert_with(|| Stall { deadline: Box::pin(sleep(WRITE_LIMIT)), written: 0 });
        if stall.deadline.as_mut().poll(context).is_ready() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read the answer"));
        }
        Ok(())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Bounded<T> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // actix-http begins each of its turns with a read.
        this.written_in_turn = 0;
        let read = this.read_allowed(context, buffer);
        if read.is_pending() {
            this.check_silence(context)?;
        }
        read
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Bounded<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.written_in_turn >= WRITE_TURN {
            this.written_in_turn = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let written = Pin::new(this.stream.get_mut()).poll_write(context, bytes);
        match &written {
            Poll::Ready(Ok(length)) => this.note_progress(*length),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => this.check_stall(context)?,
        }
        written
    }

    /// Called after everything was written.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.stall = None;
        // Not after each write: answers are many times as long as requests, so those to a piece of requests would gather
        // faster than they are written.
        if std::mem::take(&mut this.has_written) {
            this.connection.has_answered();
        }
        Pin::new(this.stream.get_mut()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().stream.get_mut()).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
