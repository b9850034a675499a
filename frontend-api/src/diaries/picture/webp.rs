//! WebP: chunks in a RIFF file, whose length is written before them. So lengths stay, and what goes becomes zeros.

use super::exif::Orientation;
use super::{Format, LONGEST_PIECE, PictureError, Step, check_size, le};

/// The chunks that stay as they are. `VP8X`, `EXIF` and `ANMF` stay in part.
const KEPT: [&[u8; 4]; 3] = [b"ALPH", b"ANIM", b"ICCP"];
/// The flag of `VP8X` that says that there is XMP.
const XMP: u8 = 1 << 2;
/// A frame's place and duration, before the chunks in it.
const FRAME: u64 = 16;

#[derive(Default, Clone, Copy)]
enum State {
    #[default]
    Start,
    File,
    /// The next piece is a chunk's name and length.
    Chunk,
    /// A chunk's content has passed.
    Passed,
    Extended,
    Lossy,
    Lossless,
    Frame,
    /// So many bytes of the chunk follow after the piece.
    Exif(u64),
    Done,
}

#[derive(Default)]
pub(super) struct WebP {
    state: State,
    /// Of the file.
    left: u64,
    /// Of the frame that is open.
    frame: Option<u64>,
    /// Of the chunk that is open, behind the step in progress.
    tail: u64,
    padded: bool,
    has_first: bool,
    has_pixels: bool,
}

impl Format for WebP {
    fn next(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Step, PictureError> {
        match self.state {
            State::Start => Ok(self.go(State::File, Step::Take(12))),
            State::File => {
                self.left = u64::from(le(piece, 4, 4)).saturating_sub(4);
                out.extend_from_slice(piece);
                self.chunk()
            }
            State::Chunk => self.judge(piece, out),
            State::Passed if std::mem::take(&mut self.padded) => Ok(Step::Blank(1)),
            State::Passed => self.chunk(),
            State::Exif(rest) => {
                describe(piece, out);
                Ok(self.go(State::Passed, Step::Blank(rest)))
            }
            State::Extended | State::Lossy | State::Lossless | State::Frame => self.head(piece, out),
            State::Done => Ok(Step::End),
        }
    }
}

impl WebP {
    fn go(&mut self, state: State, step: Step) -> Step {
        self.state = state;
        step
    }

    /// Begins the next chunk of the frame or the file, or ends the file.
    fn chunk(&mut self) -> Result<Step, PictureError> {
        if self.frame == Some(0) {
            self.frame = None;
        }
        match self.frame.unwrap_or(self.left) {
            0 if self.has_pixels => Ok(self.go(State::Done, Step::End)),
            0 => Err(PictureError::Malformed("it ends before the first image")),
            1..8 => Err(PictureError::Malformed("a chunk does not fit")),
            _ => {
                self.spend(8);
                Ok(self.go(State::Chunk, Step::Take(8)))
            }
        }
    }

    fn spend(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
        self.frame = self.frame.map(|frame| frame.saturating_sub(bytes));
    }

    /// Decides about a chunk by its name and length.
    fn judge(&mut self, head: &[u8], out: &mut Vec<u8>) -> Result<Step, PictureError> {
        let (name, length) = (&head[..4], u64::from(le(head, 4, 4)));
        let room = self.frame.unwrap_or(self.left).min(self.left);
        if length > room {
            return Err(PictureError::Malformed("a chunk does not fit"));
        }
        if !self.has_first && !matches!(name, b"VP8 " | b"VP8L" | b"VP8X") {
            return Err(PictureError::Malformed("the first chunk is not an image's"));
        }
        self.has_first = true;
        let take = |needed: u64| if length < needed { None } else { usize::try_from(needed).ok() };
        let nested = name == b"ANMF" && self.frame.is_none();
        if nested {
            self.spend(FRAME.min(length));
            self.frame = Some(length - FRAME.min(length));
        } else {
            self.padded = length % 2 == 1 && length < room;
            self.spend(length + u64::from(self.padded));
        }
        let (state, needed) = match name {
            b"VP8X" => (State::Extended, 10),
            b"VP8 " => (State::Lossy, 10),
            b"VP8L" => (State::Lossless, 5),
            b"ANMF" if nested => (State::Frame, FRAME),
            b"EXIF" => return Ok(self.exif(head, length, out)),
            _ if KEPT.iter().any(|kept| *kept == name) => {
                out.extend_from_slice(head);
                return Ok(self.go(State::Passed, Step::Copy(length)));
            }
            _ => {
                out.extend_from_slice(b"JUNK");
                out.extend_from_slice(&head[4..]);
                return Ok(self.go(State::Passed, Step::Blank(length)));
            }
        };
        let needed = take(needed).ok_or(PictureError::Malformed("a chunk is too short"))?;
        out.extend_from_slice(head);
        self.tail = length - needed as u64;
        Ok(self.go(state, Step::Take(needed)))
    }

    /// Reads the beginning of a chunk that has a size.
    fn head(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Step, PictureError> {
        let begin = out.len();
        out.extend_from_slice(piece);
        match self.state {
            State::Extended => {
                check_size(le(piece, 4, 3) + 1, le(piece, 7, 3) + 1)?;
                out[begin] &= !XMP;
                // More than its ten bytes is not defined.
                return Ok(self.go(State::Passed, Step::Blank(self.tail)));
            }
            State::Lossy => {
                if piece[3..6] != [0x9d, 1, 0x2a] {
                    return Err(PictureError::Malformed("not a key frame"));
                }
                check_size(le(piece, 6, 2) & 0x3fff, le(piece, 8, 2) & 0x3fff)?;
            }
            State::Lossless => {
                let size = le(piece, 1, 4);
                check_size((size & 0x3fff) + 1, (size >> 14 & 0x3fff) + 1)?;
            }
            _ => return self.chunk(),
        }
        self.has_pixels = true;
        Ok(self.go(State::Passed, Step::Copy(self.tail)))
    }

    fn exif(&mut self, head: &[u8], length: u64, out: &mut Vec<u8>) -> Step {
        out.extend_from_slice(head);
        let needed = usize::try_from(length).map_or(LONGEST_PIECE, |length| length.min(LONGEST_PIECE));
        self.go(State::Exif(length - needed as u64), Step::Take(needed))
    }
}

/// Writes EXIF with only the orientation, as long as it was. Too short for that, it becomes zeros.
fn describe(exif: &[u8], out: &mut Vec<u8>) {
    let tiff = Orientation::read(exif).unwrap_or(Orientation::UPRIGHT).tiff();
    let end = out.len() + exif.len();
    if tiff.len() <= exif.len() {
        out.extend_from_slice(&tiff);
    }
    out.resize(end, 0);
}
