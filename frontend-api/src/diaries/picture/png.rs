//! PNG: a list of chunks. Nothing is inflated.

use super::exif::Orientation;
use super::{Format, LONGEST_PIECE, PictureError, Step, be, check_size};

/// The chunks that stay. `eXIf` is replaced by one that holds only the orientation.
const KEPT: [&[u8; 4]; 17] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI",
    b"sBIT", b"pHYs", b"bKGD", b"acTL", b"fcTL",
];
/// Also one that stays: a frame of an animation.
const FRAME: &[u8; 4] = b"fdAT";
const SIGNATURE: usize = 8;
const CHECKSUM: u64 = 4;

#[derive(Default)]
enum State {
    #[default]
    Start,
    Signature,
    /// The next piece is a chunk's length and name.
    Chunk,
    /// What comes before the next chunk has passed.
    Passed,
    Header,
    Exif,
    Last,
    Done,
}

#[derive(Default)]
pub(super) struct Png {
    state: State,
    has_header: bool,
    has_pixels: bool,
    has_orientation: bool,
}

impl Format for Png {
    fn next(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Step, PictureError> {
        match self.state {
            State::Start => Ok(self.go(State::Signature, Step::Take(SIGNATURE))),
            State::Signature => {
                out.extend_from_slice(piece);
                Ok(self.chunk())
            }
            State::Passed => Ok(self.chunk()),
            State::Chunk => self.judge(piece, out),
            State::Header => {
                check_size(be(piece, 0, 4), be(piece, 4, 4))?;
                out.extend_from_slice(piece);
                Ok(self.chunk())
            }
            State::Exif => {
                self.turn(piece, out);
                Ok(self.go(State::Passed, Step::Skip(CHECKSUM)))
            }
            State::Last => {
                out.extend_from_slice(piece);
                Ok(self.go(State::Done, Step::End))
            }
            State::Done => Ok(Step::End),
        }
    }
}

impl Png {
    fn go(&mut self, state: State, step: Step) -> Step {
        self.state = state;
        step
    }

    fn chunk(&mut self) -> Step {
        self.go(State::Chunk, Step::Take(8))
    }

    /// Decides about a chunk by its length and name.
    fn judge(&mut self, head: &[u8], out: &mut Vec<u8>) -> Result<Step, PictureError> {
        let (length, name) = (be(head, 0, 4), &head[4..]);
        if length > i32::MAX.unsigned_abs() {
            return Err(PictureError::Malformed("a chunk is too long"));
        }
        if self.has_header == (name == b"IHDR") {
            return Err(PictureError::Malformed("there must be one IHDR, and it must be the first chunk"));
        }
        let piece = usize::try_from(length).ok().filter(|length| *length <= LONGEST_PIECE);
        match (name, piece) {
            (b"IHDR", Some(13)) => {
                self.has_header = true;
                out.extend_from_slice(head);
                Ok(self.go(State::Header, Step::Take(17)))
            }
            (b"IHDR", _) => Err(PictureError::Malformed("IHDR must have 13 bytes")),
            (b"IEND", Some(0)) if self.has_pixels => {
                out.extend_from_slice(head);
                Ok(self.go(State::Last, Step::Take(4)))
            }
            (b"IEND", _) => Err(PictureError::Malformed("IEND must be empty and come after IDAT")),
            (b"eXIf", Some(length)) if length > 0 && !self.has_orientation => {
                Ok(self.go(State::Exif, Step::Take(length)))
            }
            _ if name == FRAME || KEPT.iter().any(|kept| *kept == name) => {
                self.has_pixels |= name == b"IDAT";
                out.extend_from_slice(head);
                Ok(self.go(State::Passed, Step::Copy(u64::from(length) + CHECKSUM)))
            }
            _ => Ok(self.go(State::Passed, Step::Skip(u64::from(length) + CHECKSUM))),
        }
    }

    /// Writes an `eXIf` with the orientation, if there is one.
    fn turn(&mut self, exif: &[u8], out: &mut Vec<u8>) {
        let Some(orientation) = Orientation::read(exif) else { return };
        self.has_orientation = true;
        let tiff = orientation.tiff();
        out.extend_from_slice(&[0, 0, 0, 26]);
        let checked = out.len();
        out.extend_from_slice(b"eXIf");
        out.extend_from_slice(&tiff);
        let checksum = crc(&out[checked..]);
        out.extend_from_slice(&checksum.to_be_bytes());
    }
}

/// The checksum of a chunk's name and content.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    let byte = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    };
    !bytes.iter().fold(u32::MAX, byte)
}
