//! Standard output, to which somebody may not listen any more.

use std::io::{self, ErrorKind, IsTerminal, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::terminal::Style;

/// Returns how standard output can be written to. See <https://no-color.org>.
pub(super) fn style() -> Style {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    let is_terminal = io::stdout().is_terminal();
    Style { colour: is_terminal && !refused && !dumb, width: is_terminal.then(width).flatten() }
}

/// Columns, if the terminal says so.
fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// Returns false if the reader has closed the output.
pub(super) fn write_line(text: &str) -> io::Result<bool> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Ok(()) => Ok(true),
        // As `head` does: what it has read is all that it wants.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns true unless the reader of standard output has closed it. For a command that has nothing to write meanwhile, and
/// would not notice.
pub(super) fn has_reader() -> bool {
    let output = io::stdout();
    let mut watched = [PollFd::new(&output, PollFlags::empty())];
    // What can't be asked, such as a file, has no reader that could leave.
    poll(&mut watched, Some(&Timespec::default())).is_err() || !watched[0].revents().contains(PollFlags::ERR)
}
