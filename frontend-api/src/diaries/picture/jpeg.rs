//! JPEG: segments, and scans between them. A thumbnail inside a segment has its own end, so segments are walked by length.

use super::exif::Orientation;
use super::{Format, PictureError, Step, be, check_size};

const MARK: u8 = 0xff;
const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
/// JFIF's version, density and the size of its thumbnail.
const JFIF: usize = 14;
const ADOBE: usize = 12;
const PROFILE: &[u8; 12] = b"ICC_PROFILE\0";

#[derive(Default, Clone, Copy)]
enum State {
    #[default]
    Begin,
    Start,
    /// The next piece is `ff` and a marker.
    Marker,
    /// The next piece is a marker whose `ff` has passed.
    Filled,
    /// A segment has passed.
    Passed,
    /// The next piece is the length of this segment.
    Length(u8),
    /// The next piece is the beginning of this segment, which has so many bytes more.
    Segment(u8, usize),
    /// The bytes before the next `ff` of a scan have passed.
    Scanned,
    /// The next piece is `ff` and what follows it in a scan.
    InScan,
    InScanFilled,
    Done,
}

#[derive(Default)]
pub(super) struct Jpeg {
    state: State,
    has_size: bool,
    has_scan: bool,
    has_orientation: bool,
}

impl Format for Jpeg {
    fn next(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Step, PictureError> {
        match self.state {
            State::Begin => Ok(self.go(State::Start, Step::Take(2))),
            State::Start => {
                out.extend_from_slice(&[MARK, START]);
                Ok(self.go(State::Marker, Step::Take(2)))
            }
            State::Passed => Ok(self.go(State::Marker, Step::Take(2))),
            State::Marker if piece[0] != MARK => Err(PictureError::Malformed("a segment does not begin with a marker")),
            State::Marker => self.marker(piece[1], out),
            State::Filled => self.marker(piece[0], out),
            State::Length(marker) => self.length(marker, be(piece, 0, 2)),
            State::Segment(marker, rest) => self.segment(marker, piece, rest, out),
            State::Scanned => Ok(self.go(State::InScan, Step::Take(2))),
            State::InScan => self.in_scan(piece[1], out),
            State::InScanFilled => self.in_scan(piece[0], out),
            State::Done => Ok(Step::End),
        }
    }
}

impl Jpeg {
    fn go(&mut self, state: State, step: Step) -> Step {
        self.state = state;
        step
    }

    fn marker(&mut self, marker: u8, out: &mut Vec<u8>) -> Result<Step, PictureError> {
        match marker {
            MARK => Ok(self.go(State::Filled, Step::Take(1))),
            END if self.has_scan => {
                out.extend_from_slice(&[MARK, END]);
                Ok(self.go(State::Done, Step::End))
            }
            END => Err(PictureError::Malformed("it ends before the first scan")),
            START => Err(PictureError::Malformed("a second start")),
            SCAN if !self.has_size => Err(PictureError::Malformed("a scan before its size")),
            // These have no length.
            0 | 1 | 0xd0..=0xd7 => Ok(self.go(State::Marker, Step::Take(2))),
            _ => Ok(self.go(State::Length(marker), Step::Take(2))),
        }
    }

    /// Decides how much of a segment is needed to judge it.
    fn length(&mut self, marker: u8, length: u32) -> Result<Step, PictureError> {
        let length = usize::try_from(length).ok().and_then(|length| length.checked_sub(2));
        let length = length.ok_or(PictureError::Malformed("a segment without room for its length"))?;
        let needed = match marker {
            0xe0 => length.min(JFIF),
            0xe2 => length.min(PROFILE.len()),
            0xee => length.min(ADOBE),
            // The directory with the orientation may stand anywhere in it.
            0xe1 if !self.has_orientation && !self.has_scan => length,
            _ if is_size(marker) || marker == SCAN => length,
            _ if is_kept(marker) => 0,
            _ => return Ok(self.go(State::Passed, Step::Skip(length as u64))),
        };
        Ok(self.go(State::Segment(marker, length - needed), Step::Take(needed)))
    }

    /// Writes what stays of a segment. `rest` bytes of it follow.
    fn segment(&mut self, marker: u8, piece: &[u8], rest: usize, out: &mut Vec<u8>) -> Result<Step, PictureError> {
        let skip = Step::Skip(rest as u64);
        match marker {
            0xe0 if piece.len() == JFIF && piece.starts_with(b"JFIF\0") => {
                write(marker, piece, 0, out);
                // Its thumbnail goes: 0 × 0.
                let end = out.len();
                out[end - 2..].fill(0);
                Ok(self.go(State::Passed, skip))
            }
            0xee if piece.len() == ADOBE && piece.starts_with(b"Adobe") => {
                write(marker, piece, 0, out);
                Ok(self.go(State::Passed, skip))
            }
            0xe1 => {
                self.turn(piece, out);
                Ok(self.go(State::Passed, skip))
            }
            0xe0 | 0xee => Ok(self.go(State::Passed, skip)),
            0xe2 if piece != PROFILE => Ok(self.go(State::Passed, skip)),
            SCAN => {
                self.has_scan = true;
                write(marker, piece, rest, out);
                Ok(self.go(State::Scanned, Step::Until(MARK)))
            }
            _ => {
                if is_size(marker) {
                    check_size(be(piece, 3, 2), be(piece, 1, 2))?;
                    self.has_size = true;
                }
                write(marker, piece, rest, out);
                Ok(self.go(State::Passed, Step::Copy(rest as u64)))
            }
        }
    }

    /// Writes an EXIF segment with the orientation, if there is one.
    fn turn(&mut self, exif: &[u8], out: &mut Vec<u8>) {
        if !exif.starts_with(b"Exif\0\0") {
            return;
        }
        let Some(orientation) = Orientation::read(exif) else { return };
        self.has_orientation = true;
        write(0xe1, &[b"Exif\0\0".as_slice(), &orientation.tiff()].concat(), 0, out);
    }

    /// Continues a scan, or ends it at a marker that does not belong to it.
    fn in_scan(&mut self, next: u8, out: &mut Vec<u8>) -> Result<Step, PictureError> {
        match next {
            MARK => Ok(self.go(State::InScanFilled, Step::Take(1))),
            0 | 0xd0..=0xd7 => {
                out.extend_from_slice(&[MARK, next]);
                Ok(self.go(State::Scanned, Step::Until(MARK)))
            }
            _ => self.marker(next, out),
        }
    }
}

/// Writes a segment's beginning; `rest` bytes of it follow.
fn write(marker: u8, piece: &[u8], rest: usize, out: &mut Vec<u8>) {
    let length = u16::try_from(piece.len() + rest + 2).expect("a segment's length came from 16 bits");
    out.extend_from_slice(&[MARK, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(piece);
}

/// A frame header, which has the picture's size.
fn is_size(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

/// Tables of a decoder: Huffman, arithmetic, quantisation, number of lines, restart interval.
fn is_kept(marker: u8) -> bool {
    matches!(marker, 0xc4 | 0xcc | 0xdb | 0xdc | 0xdd)
}
