//! Recognises pictures by content, bounds their size, and takes their metadata out while they pass through.
//!
//! Bytes go in as they arrive and come out cleaned, in memory that does not depend on the picture: each format is a
//! machine that asks for the next few bytes, or says what happens to the next many. Each keeps a list of what stays.
//! Pixels are never decoded and never changed.

mod error;
mod exif;
mod gif;
mod jpeg;
mod kind;
mod png;
#[cfg(test)]
mod tests;
mod webp;

pub use self::error::PictureError;
use self::gif::Gif;
use self::jpeg::Jpeg;
pub use self::kind::Kind;
use self::png::Png;
use self::webp::WebP;

/// The type shows in the first bytes.
const SIGNATURE: usize = 16;
/// A megapixel is 2^20 pixels: cameras of "50 megapixels" make 8160 × 6144.
const MOST_PIXELS: u64 = 50 << 20;
/// The longest piece that a format may ask for at once: a whole segment of a JPEG.
const LONGEST_PIECE: usize = 65_536;

/// What happens to the next bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Gathers so many and hands them to the format.
    Take(usize),
    /// Passes so many on.
    Copy(u64),
    /// Drops so many.
    Skip(u64),
    /// Passes so many zeros on instead.
    Blank(u64),
    /// Passes everything on that comes before this byte.
    Until(u8),
    /// Drops everything else: the picture is complete.
    End,
}

/// One format's rules.
trait Format {
    /// Returns the next step. `piece` is what the last [`Step::Take`] asked for, and empty after any other step. What
    /// stays of it is appended to `out`.
    fn next(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Step, PictureError>;
}

/// Takes a picture in pieces of any length and gives it back without its metadata.
pub struct Cleaner {
    /// `None` until the first bytes have shown the type.
    format: Option<(Kind, Box<dyn Format + Send>)>,
    step: Step,
    /// What has arrived of the piece that [`Step::Take`] wants.
    piece: Vec<u8>,
}

impl Default for Cleaner {
    fn default() -> Self {
        Self { format: None, step: Step::Take(SIGNATURE), piece: Vec::new() }
    }
}

impl Cleaner {
    /// Takes the next bytes and appends to `out` what stays of them.
    ///
    /// # Errors
    /// Why this is not a picture that we store.
    pub fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), PictureError> {
        while !input.is_empty() {
            let (used, done) = self.work(input, out);
            input = &input[used..];
            if done {
                self.advance(out)?;
            }
        }
        Ok(())
    }

    /// Returns the type, once it is known.
    pub fn kind(&self) -> Option<Kind> {
        self.format.as_ref().map(|(kind, _)| *kind)
    }

    /// Returns the type of the picture, which has arrived whole.
    ///
    /// # Errors
    /// When something is missing.
    pub fn finish(self) -> Result<Kind, PictureError> {
        match (self.format, self.step) {
            (Some((kind, _)), Step::End) => Ok(kind),
            (Some(_), _) => Err(PictureError::Incomplete),
            (None, _) => Err(PictureError::unrecognised(&self.piece)),
        }
    }

    /// Applies the step to the beginning of `input`. Returns how much of it was used, and whether the step is complete.
    fn work(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
        match &mut self.step {
            Step::Take(wanted) => {
                let used = input.len().min(*wanted - self.piece.len());
                self.piece.extend_from_slice(&input[..used]);
                (used, self.piece.len() == *wanted)
            }
            Step::Copy(left) => {
                let used = shorten(left, input);
                out.extend_from_slice(&input[..used]);
                (used, *left == 0)
            }
            Step::Skip(left) => (shorten(left, input), *left == 0),
            Step::Blank(left) => {
                let used = shorten(left, input);
                out.resize(out.len() + used, 0);
                (used, *left == 0)
            }
            Step::Until(byte) => {
                let found = input.iter().position(|next| next == byte);
                let used = found.unwrap_or(input.len());
                out.extend_from_slice(&input[..used]);
                (used, found.is_some())
            }
            Step::End => (input.len(), false),
        }
    }

    /// Asks the format for steps until one needs more bytes.
    fn advance(&mut self, out: &mut Vec<u8>) -> Result<(), PictureError> {
        loop {
            let Some((_, format)) = &mut self.format else { return self.begin(out) };
            self.step = format.next(&self.piece, out)?;
            self.piece.clear();
            match self.step {
                Step::Copy(0) | Step::Skip(0) | Step::Blank(0) | Step::Take(0) => {}
                Step::Take(wanted) if wanted > LONGEST_PIECE => {
                    return Err(PictureError::Malformed("a part is too long"));
                }
                _ => return Ok(()),
            }
        }
    }

    /// Chooses the format, and gives it the bytes that showed it.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), PictureError> {
        let signature = std::mem::take(&mut self.piece);
        let kind = Kind::of(&signature).ok_or_else(|| PictureError::unrecognised(&signature))?;
        let mut format: Box<dyn Format + Send> = match kind {
            Kind::Jpeg => Box::new(Jpeg::default()),
            Kind::Png => Box::new(Png::default()),
            Kind::WebP => Box::new(WebP::default()),
            Kind::Gif => Box::new(Gif::default()),
        };
        self.step = format.next(&[], out)?;
        self.format = Some((kind, format));
        self.push(&signature, out)
    }
}

/// Takes what `input` has off `left`, and returns how much that is.
fn shorten(left: &mut u64, input: &[u8]) -> usize {
    let used = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left -= used as u64;
    used
}

/// Accepts a picture's size.
fn check_size(width: u32, height: u32) -> Result<(), PictureError> {
    let pixels = u64::from(width) * u64::from(height);
    match pixels {
        0 => Err(PictureError::Empty),
        _ if pixels > MOST_PIXELS => Err(PictureError::TooManyPixels { width, height }),
        _ => Ok(()),
    }
}

/// Returns the number at `at`, most significant byte first; 0 beyond the end.
fn be(bytes: &[u8], at: usize, length: usize) -> u32 {
    bytes.get(at..at + length).unwrap_or_default().iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// Returns the number at `at`, least significant byte first; 0 beyond the end.
fn le(bytes: &[u8], at: usize, length: usize) -> u32 {
    bytes.get(at..at + length).unwrap_or_default().iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}
