//! What one connection may cost. actix-http reads ahead of the requests that it serves and writes into memory what the
//! client does not read; this stream below it bounds both.
//!
//! - It reads 8 KiB, and goes on only when something was written, when a handler waits for a body, or for the rest of a
//!   head (128 KiB at most). While a write is blocked it reads nothing.
//! - A head that is not complete in 5 s ends the connection, the first one and all later ones, and so does the rest of a
//!   body that no handler read to its end. A blocked write that does not get 16 KiB further in 15 s ends it, too. The time
//!   of the bodies that handlers read is limited by [`limits`](super::limits).

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Bytes that are read before something is written: more requests wait in the kernel.
const PIECE: usize = 8 * 1024;
/// Bytes of a head. actix-http refuses 128 KiB with a 431; this only has to be more.
const HEAD_BYTES: usize = 160 * 1024;
/// Bytes that are read each time a handler waits for more of a body.
const BODY_PIECE: usize = 32 * 1024;
/// A client that has not sent a request's head by then is cut off.
pub(super) const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// Longer than keep-alive, which actix-http ends.
const IDLE_LIMIT: Duration = Duration::from_secs(80);
/// How long a blocked write may take to get [`WRITE_STEP`] further.
const WRITE_LIMIT: Duration = Duration::from_secs(15);
const WRITE_STEP: usize = 16 * 1024;

/// What the stream, the requests on it and the readers of their bodies know of one another.
#[derive(Debug)]
pub(super) struct Connection {
    /// Bytes that may still be read.
    allowance: Cell<usize>,
    /// Bytes that were read since the last write.
    unanswered: Cell<usize>,
    /// Requests whose head is complete and whose response is not.
    requests: Cell<usize>,
    /// Whether the latest request announced a body that was not read to its end.
    body_is_unread: Cell<bool>,
    /// Wakes the stream, which waits for an allowance.
    reader: RefCell<Option<Waker>>,
}

impl Connection {
    fn new() -> Self {
        Self {
            allowance: Cell::new(PIECE),
            unanswered: Cell::new(0),
            requests: Cell::new(0),
            body_is_unread: Cell::new(false),
            reader: RefCell::default(),
        }
    }

    /// Notes that a request, with or without a body, is being served until the guard is dropped.
    pub(super) fn serve(self: &Rc<Self>, has_body: bool) -> Serving {
        self.requests.set(self.requests.get() + 1);
        self.body_is_unread.set(has_body);
        Serving(self.clone())
    }

    /// Lets the stream read on, because a handler waits for a body.
    pub(super) fn want_body(&self) {
        self.allow(BODY_PIECE);
    }

    /// Notes that the body was read to its end.
    pub(super) fn body_ended(&self) {
        self.body_is_unread.set(false);
    }

    fn allow(&self, bytes: usize) {
        self.allowance.set(self.allowance.get().max(bytes));
        self.wake_reader();
    }

    fn wake_reader(&self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn has_read(&self, bytes: usize) {
        self.allowance.set(self.allowance.get().saturating_sub(bytes));
        self.unanswered.set(self.unanswered.get().saturating_add(bytes));
    }

    fn has_written(&self) {
        self.allow(PIECE);
        self.unanswered.set(0);
    }

    /// Part of a head has arrived, or of a body that nobody reads.
    fn waits_for_client(&self) -> bool {
        self.requests.get() == 0 && self.unanswered.get() > 0
    }

    /// The client has begun something and not ended it.
    fn client_owes(&self) -> bool {
        self.waits_for_client() || self.body_is_unread.get()
    }
}

/// While it exists, its request is being served.
#[derive(Debug)]
pub(super) struct Serving(Rc<Connection>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get().saturating_sub(1));
    }
}

/// A stream within the bounds of this module.
#[derive(Debug)]
pub(super) struct Bounded<T> {
    stream: T,
    connection: Rc<Connection>,
    /// Since when the client alone could go on, and whether it owes the rest of something.
    quiet: Option<(Instant, bool)>,
    alarm: Option<Pin<Box<Sleep>>>,
    stall: Option<Stall>,
}

#[derive(Debug)]
struct Stall {
    deadline: Pin<Box<Sleep>>,
    written: usize,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Bounded<T> {
    pub(super) fn new(stream: T) -> Self {
        Self { stream, connection: Rc::new(Connection::new()), quiet: None, alarm: None, stall: None }
    }

    pub(super) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// Reads as much as is allowed; `Pending` without a waker of the stream if that is nothing.
    fn read_allowed(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let allowance = self.connection.allowance.get();
        if allowance == 0 || self.stall.is_some() {
            self.connection.reader.replace(Some(context.waker().clone()));
            let head_is_incomplete = self.connection.waits_for_client() && self.stall.is_none();
            if head_is_incomplete && self.connection.unanswered.get() < HEAD_BYTES {
                // Read on at the next poll: before it, actix-http parses what it has, which may be a whole head.
                self.connection.allow(PIECE);
            }
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if buffer.remaining() <= allowance {
            std::task::ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        } else {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(allowance));
            std::task::ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
            let length = part.filled().len();
            buffer.advance(length);
        }
        self.connection.has_read(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }

    /// Fails once the client has owed the rest of a head or body for too long, or has been silent for very long. The alarm
    /// is not set anew for each request, which would cost more than the rest of this file.
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
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the client sent nothing whole in time"));
            }
        }
    }

    fn note_progress(&mut self, bytes: usize) {
        if bytes > 0 {
            self.connection.has_written();
            // What comes next is counted anew, even if nobody looks before it arrives.
            self.quiet = None;
        }
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
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        match &written {
            Poll::Ready(Ok(length)) => this.note_progress(*length),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => this.check_stall(context)?,
        }
        written
    }

    /// Called when all that was to be written is written.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.stall.take().is_some() {
            this.connection.wake_reader();
        }
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const KERNEL: usize = 1 << 20;

    fn pair() -> (DuplexStream, Bounded<DuplexStream>) {
        let (client, server) = duplex(KERNEL);
        (client, Bounded::new(server))
    }

    /// Reads what can be read without waiting.
    async fn available(stream: &mut Bounded<DuplexStream>) -> usize {
        let mut all = 0;
        let mut buffer = vec![0; 100_000];
        while let Some(length) = tokio::select! {
            biased;
            length = stream.read(&mut buffer) => Some(length.unwrap()),
            () = tokio::time::sleep(Duration::from_millis(1)) => None,
        } {
            all += length;
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_request_is_served_no_more_than_a_piece_is_read() {
        let (mut client, mut stream) = pair();
        client.write_all(&vec![b'x'; KERNEL]).await.unwrap();
        let serving = stream.connection().serve(false);
        assert_eq!(available(&mut stream).await, PIECE);
        stream.write_all(b"answer").await.unwrap();
        assert_eq!(available(&mut stream).await, PIECE);
        stream.connection().want_body();
        assert_eq!(available(&mut stream).await, BODY_PIECE);
        drop(serving);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_may_be_longer_than_a_piece_but_not_endless() {
        let (mut client, mut stream) = pair();
        client.write_all(&vec![b'x'; KERNEL]).await.unwrap();
        assert_eq!(available(&mut stream).await, HEAD_BYTES);
    }

    #[tokio::test(start_paused = true)]
    async fn every_head_that_drips_ends_the_connection() {
        let (mut client, mut stream) = pair();
        client.write_all(b"first").await.unwrap();
        let serving = stream.connection().serve(false);
        assert_eq!(available(&mut stream).await, 5);
        tokio::time::sleep(HEAD_LIMIT * 3).await;
        assert_eq!(available(&mut stream).await, 0, "a slow handler is no slow client");
        stream.write_all(b"answer").await.unwrap();
        drop(serving);
        tokio::time::sleep(HEAD_LIMIT * 3).await;
        assert_eq!(available(&mut stream).await, 0, "an idle client is no slow client");
        for _ in 0..2 {
            client.write_all(b"later").await.unwrap();
            assert_eq!(available(&mut stream).await, 5, "a later request has its own time");
            stream.write_all(b"answer").await.unwrap();
            tokio::time::sleep(HEAD_LIMIT * 3).await;
        }

        let began = Instant::now();
        let drip = async {
            loop {
                client.write_all(b"x").await.unwrap();
                tokio::time::sleep(Duration::from_millis(900)).await;
            }
        };
        let read = async {
            let mut byte = [0];
            while stream.read(&mut byte).await.is_ok() {}
        };
        tokio::select! {
            () = read => {}
            () = drip => {}
        }
        assert!((HEAD_LIMIT..HEAD_LIMIT * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_whose_rest_never_comes_ends_the_connection_and_one_that_was_read_does_not() {
        for read_to_its_end in [false, true] {
            let (mut client, mut stream) = pair();
            client.write_all(b"head and part of a body").await.unwrap();
            let serving = stream.connection().serve(true);
            available(&mut stream).await;
            if read_to_its_end {
                stream.connection().body_ended();
            }
            stream.write_all(b"answer").await.unwrap();
            drop(serving);
            let began = Instant::now();
            let mut byte = [0];
            assert_eq!(stream.read(&mut byte).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
            let limit = if read_to_its_end { IDLE_LIMIT } else { HEAD_LIMIT };
            assert!((limit..limit * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_read_ends_the_connection_and_one_that_is_read_slowly_does_not() {
        let answer = vec![b'x'; KERNEL * 2];
        let (client, mut stream) = pair();
        let error = stream.write_all(&answer).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(client);

        let (mut client, mut stream) = pair();
        let slowly = async {
            let mut piece = vec![0; WRITE_STEP];
            loop {
                tokio::time::sleep(WRITE_LIMIT / 2).await;
                client.read_exact(&mut piece).await.unwrap();
            }
        };
        tokio::select! {
            written = stream.write_all(&answer) => written.unwrap(),
            () = slowly => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_read_while_a_write_is_blocked() {
        let (mut client, mut stream) = pair();
        client.write_all(b"more").await.unwrap();
        let answer = vec![b'x'; KERNEL * 2];
        let blocked = tokio::time::timeout(Duration::from_secs(1), stream.write_all(&answer)).await;
        assert!(blocked.is_err());
        assert_eq!(available(&mut stream).await, 0);
    }
}
