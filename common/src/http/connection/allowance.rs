//! What a connection may read: as much as a few requests until they are answered, and more while somebody waits for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

/// Requests that are read before the answers are written: more wait in the kernel. Other connections wait meanwhile. Each costs
/// several KiB as soon as actix-http has parsed it, however short it is.
pub(super) const REQUESTS_AT_ONCE: usize = 8;
/// Bytes of `G / HTTP/1.1` with its line and the blank one. What is shorter is no head: actix-http refuses it, or it is part of a body.
pub(super) const SHORTEST_HEAD: usize = 14;
/// Bytes in which those are looked for: as many as the last requests had, within these bounds.
pub(super) const PIECE: usize = 2 * 1024;
pub(super) const SMALLEST_PIECE: usize = 256;
/// Before the length of a request is known.
pub(super) const FIRST_PIECE: usize = 256;
/// Bytes that are read each time a handler waits for more of a body.
pub(super) const BODY_PIECE: usize = 32 * 1024;

/// The state that the stream, its requests and the readers of their bodies share.
#[derive(Debug)]
pub(in crate::http) struct Connection {
    /// Bytes that may still be read.
    pub(super) allowance: Cell<usize>,
    /// How much to read at once.
    piece: Cell<usize>,
    /// Heads that may still be read. A blank line in a body counts as the end of one, unless it comes too soon.
    heads: Cell<usize>,
    /// Bytes that were read since the last one.
    since_head: Cell<usize>,
    /// Nothing has been read since the last line ended.
    line_is_blank: Cell<bool>,
    /// Something has been read since the last blank line.
    is_in_head: Cell<bool>,
    /// Bytes that were read since the last write, and requests that began.
    pub(super) unanswered: Cell<usize>,
    begun: Cell<usize>,
    /// Requests whose head is complete and whose response is not.
    pub(super) requests: Cell<usize>,
    /// Whether the latest request announced a body that was not read to its end.
    body_is_unread: Cell<bool>,
    /// Wakes the stream, which waits for an allowance.
    pub(super) reader: RefCell<Option<Waker>>,
}

impl Connection {
    pub(super) fn new() -> Self {
        Self {
            allowance: Cell::new(FIRST_PIECE),
            piece: Cell::new(FIRST_PIECE),
            heads: Cell::new(REQUESTS_AT_ONCE),
            since_head: Cell::new(0),
            line_is_blank: Cell::new(true),
            is_in_head: Cell::new(false),
            unanswered: Cell::new(0),
            begun: Cell::new(0),
            requests: Cell::new(0),
            body_is_unread: Cell::new(false),
            reader: RefCell::default(),
        }
    }

    /// Notes that a request, with or without a body, is being served until the guard is dropped.
    pub(in crate::http) fn serve(self: &Rc<Self>, has_body: bool) -> Serving {
        self.requests.set(self.requests.get() + 1);
        self.begun.set(self.begun.get() + 1);
        self.allow_heads((self.heads.get() + 1).min(REQUESTS_AT_ONCE));
        self.body_is_unread.set(has_body);
        Serving(self.clone())
    }

    /// Lets the stream read on, because a handler waits for a body.
    pub(in crate::http) fn want_body(&self) {
        self.allow_heads(REQUESTS_AT_ONCE);
        self.allow(BODY_PIECE);
    }

    /// Notes that the body was read to its end.
    pub(in crate::http) fn body_ended(&self) {
        self.body_is_unread.set(false);
    }

    pub(super) fn allow(&self, bytes: usize) {
        self.allowance.set(self.allowance.get().max(bytes));
        self.wake_reader();
    }

    fn wake_reader(&self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Lets at least so many heads be read.
    pub(super) fn allow_heads(&self, heads: usize) {
        self.heads.set(self.heads.get().max(heads));
    }

    /// Returns true if nothing may be read now.
    pub(super) fn is_used_up(&self) -> bool {
        self.allowance.get() == 0 || self.heads.get() == 0
    }

    /// Returns how many of these bytes may be handed on: all, or up to the end of the last head that may be read.
    pub(super) fn up_to_last_head(&self, bytes: &[u8]) -> usize {
        let (mut heads, mut line_is_blank) = (self.heads.get(), self.line_is_blank.get());
        let (mut is_in_head, mut since_head) = (self.is_in_head.get(), self.since_head.get());
        let mut end = bytes.len();
        for (at, byte) in bytes.iter().enumerate() {
            since_head = since_head.saturating_add(1);
            match byte {
                b'\n' if line_is_blank => {
                    is_in_head = false;
                    if since_head >= SHORTEST_HEAD {
                        since_head = 0;
                        heads = heads.saturating_sub(1);
                    }
                    if heads == 0 {
                        end = at + 1;
                        break;
                    }
                }
                b'\n' => line_is_blank = true,
                b'\r' => {}
                _ => (line_is_blank, is_in_head) = (false, true),
            }
        }
        self.heads.set(heads);
        self.line_is_blank.set(line_is_blank);
        self.is_in_head.set(is_in_head);
        self.since_head.set(since_head);
        end
    }

    pub(super) fn has_read(&self, bytes: usize) {
        self.allowance.set(self.allowance.get().saturating_sub(bytes));
        self.unanswered.set(self.unanswered.get().saturating_add(bytes));
    }

    pub(super) fn has_answered(&self) {
        let read = self.unanswered.take();
        if let Some(length) = read.checked_div(self.begun.take()) {
            self.piece.set((length * REQUESTS_AT_ONCE).clamp(SMALLEST_PIECE, PIECE));
            if self.requests.get() == 0 {
                // Perhaps what looked like heads was none. Not for each part of a long answer: heads would gather meanwhile.
                self.allow_heads(1);
            }
        }
        // What a body was allowed and did not need is no allowance for requests.
        self.allowance.set(self.piece.get());
        self.wake_reader();
    }

    /// Part of a head has arrived, or part of a body that no handler reads.
    pub(super) fn waits_for_client(&self) -> bool {
        self.requests.get() == 0 && self.unanswered.get() > 0
    }

    /// The rest of a head or of a body that no handler reads is missing.
    pub(super) fn lacks_rest(&self) -> bool {
        self.waits_for_client() && (self.is_in_head.get() || self.body_is_unread.get())
    }

    /// The client has begun something and not ended it.
    pub(super) fn client_owes(&self) -> bool {
        self.waits_for_client() || self.body_is_unread.get()
    }
}

/// While it exists, its request is being served.
#[derive(Debug)]
pub(in crate::http) struct Serving(Rc<Connection>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get().saturating_sub(1));
    }
}
