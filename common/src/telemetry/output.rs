//! Standard output behind a buffer, so that logging never waits for the reader of the log.
//!
//! A separate thread writes the buffer out within 50 ms, or at once when it holds much. If the reader stalls, the buffer
//! fills up; further lines are dropped and counted, and the count is logged when the reader continues.

use std::io::{self, Write};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::metrics::{self, Counter};

/// How long a line may wait for others to be written with.
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// Bytes that are written without waiting for more.
const ENOUGH: usize = 64 * 1024;
/// Most bytes that wait for the reader, besides those being written.
const CAPACITY: usize = 1024 * 1024;
/// How long the end of the process waits for a reader that stalls.
pub(crate) const FLUSH_LIMIT: Duration = Duration::from_secs(1);

static OUTPUT: Output = Output::new();
static DROPPED: LazyLock<Counter> = LazyLock::new(|| {
    metrics::counter("log_lines_dropped", "Log lines that were dropped because their reader was too slow")
});

/// Adds a line, which `write` appends with its line break.
pub(super) fn append(write: impl FnOnce(&mut Vec<u8>)) {
    OUTPUT.append(write);
}

/// Starts the thread that writes the buffer out. `write_lost` appends the line that counts dropped ones.
pub(super) fn start(write_lost: impl Fn(u64, &mut Vec<u8>) + Send + 'static) -> io::Result<()> {
    LazyLock::force(&DROPPED);
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || OUTPUT.write_out(&io::stdout(), write_lost))
        .map(drop)
}

/// Waits until everything is written, but no longer than a second.
pub(super) fn flush() {
    OUTPUT.flush();
}

/// Returns the lines that no thread has written out.
#[cfg(test)]
pub(crate) fn unwritten() -> String {
    String::from_utf8_lossy(&OUTPUT.lock().lines).into_owned()
}

/// What tracing's formatter writes to: each call is one whole line.
pub(super) struct Line;

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        append(|lines| lines.extend_from_slice(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Output {
    buffer: Mutex<Buffer>,
    filled: Condvar,
    emptied: Condvar,
}

struct Buffer {
    lines: Vec<u8>,
    dropped: u64,
    being_written: bool,
    in_a_hurry: bool,
}

impl Output {
    const fn new() -> Self {
        let buffer = Buffer { lines: Vec::new(), dropped: 0, being_written: false, in_a_hurry: false };
        Self { buffer: Mutex::new(buffer), filled: Condvar::new(), emptied: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut buffer = self.lock();
        let before = buffer.lines.len();
        if before >= CAPACITY {
            buffer.dropped += 1;
            DROPPED.inc();
            return;
        }
        write(&mut buffer.lines);
        let now = buffer.lines.len();
        drop(buffer);
        if before == 0 || (before < ENOUGH && now >= ENOUGH) {
            self.filled.notify_one();
        }
    }

    fn write_out<W>(&self, output: &W, write_lost: impl Fn(u64, &mut Vec<u8>)) -> !
    where
        for<'a> &'a W: Write,
    {
        let mut writing = Vec::new();
        loop {
            let dropped = self.swap(&mut writing);
            if dropped > 0 {
                write_lost(dropped, &mut writing);
            }
            let mut output = output;
            // If standard output is closed, there is nowhere to report it; the service continues.
            let _ = output.write_all(&writing).and_then(|()| output.flush());
            self.lock().being_written = false;
            self.emptied.notify_all();
        }
    }

    /// Waits for lines, puts them into `writing`, and returns how many were dropped.
    fn swap(&self, writing: &mut Vec<u8>) -> u64 {
        writing.clear();
        let waits = |buffer: &mut Buffer| buffer.lines.is_empty();
        let buffer = self.filled.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        let few = |buffer: &mut Buffer| buffer.lines.len() < ENOUGH && !buffer.in_a_hurry;
        let waited = self.filled.wait_timeout_while(buffer, LONGEST_WAIT, few);
        let (mut buffer, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut buffer.lines, writing);
        buffer.being_written = true;
        std::mem::take(&mut buffer.dropped)
    }

    fn flush(&self) {
        let mut buffer = self.lock();
        buffer.in_a_hurry = true;
        self.filled.notify_one();
        let unwritten = |buffer: &mut Buffer| !buffer.lines.is_empty() || buffer.being_written;
        // Whatever is unwritten then has no reader.
        drop(self.emptied.wait_timeout_while(buffer, FLUSH_LIMIT, unwritten));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A pipe whose reader takes one piece when it is asked to.
    struct Pipe(SyncSender<Vec<u8>>);

    impl Write for &Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn started() -> (&'static Output, Receiver<Vec<u8>>) {
        let output: &'static Output = Box::leak(Box::new(Output::new()));
        let (sender, receiver) = sync_channel(0);
        std::thread::spawn(move || {
            output.write_out(&Pipe(sender), |lines, out| out.extend_from_slice(format!("lost {lines}\n").as_bytes()))
        });
        (output, receiver)
    }

    #[test]
    fn a_reader_that_stalls_delays_nobody_and_learns_how_many_lines_it_missed() {
        let (output, reader) = started();
        let line = vec![b'x'; 1024];
        let total = 3 * CAPACITY / line.len();
        for _ in 0..total {
            output.append(|lines| lines.extend_from_slice(&line));
        }
        let (mut written, mut lost) = (0, 0);
        // Each piece is counted by itself: the first may have been taken while lines were still being dropped.
        while written + lost < total {
            let piece = String::from_utf8(reader.recv_timeout(PATIENCE).unwrap()).unwrap();
            let (lines, count) = piece.split_once("lost ").unwrap_or((&piece, "0"));
            written += lines.len() / line.len();
            lost += count.trim_end().parse::<usize>().unwrap();
        }
        assert!(lost > 0);
        assert_eq!(written + lost, total);
        output.append(|lines| lines.extend_from_slice(b"later"));
        assert_eq!(reader.recv().unwrap(), b"later");
    }

    #[test]
    fn a_flush_ends_with_everything_written_or_without_a_reader() {
        let (output, reader) = started();
        output.append(|lines| lines.extend_from_slice(b"first"));
        let reading = std::thread::spawn(move || (reader.recv().unwrap(), reader));
        output.flush();
        let (first, _stalled) = reading.join().unwrap();
        assert_eq!(first, b"first");
        output.append(|lines| lines.extend_from_slice(b"never read"));
        output.flush();
    }
}
