//! The one thing that stays of EXIF: which way up the picture is.

use super::{be, le};

/// The tag of the orientation in EXIF's first directory.
const ORIENTATION: u32 = 0x0112;
/// The type of a 16-bit number.
const SHORT: u32 = 3;
const ENTRY: usize = 12;

/// How a picture must be turned, when it is not shown as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orientation(u8);

impl Orientation {
    /// The picture is shown as it is stored.
    pub(super) const UPRIGHT: Self = Self(1);

    /// Reads it from a TIFF structure, with or without `Exif\0\0` before it. `None` if it is missing, damaged or upright.
    pub(super) fn read(exif: &[u8]) -> Option<Self> {
        let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
        let number = match tiff.get(..4)? {
            b"II\x2a\0" => le,
            b"MM\0\x2a" => be,
            _ => return None,
        };
        let directory = tiff.get(usize::try_from(number(tiff, 4, 4)).ok()?..)?;
        let count = usize::try_from(number(directory, 0, 2)).ok()?;
        let entries = directory.get(2..)?.chunks_exact(ENTRY).take(count);
        let wanted = |entry: &&[u8]| number(entry, 0, 2) == ORIENTATION && number(entry, 2, 2) == SHORT;
        let value = number(entries.into_iter().find(wanted)?, 8, 2);
        u8::try_from(value).ok().filter(|value| (2..=8).contains(value)).map(Self)
    }

    /// Returns a TIFF structure with nothing but this.
    pub(super) fn tiff(self) -> [u8; 26] {
        let mut tiff = *b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
        tiff[19] = self.0;
        tiff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for value in 2..=8 {
            assert_eq!(Orientation::read(&Orientation(value).tiff()), Some(Orientation(value)));
        }
        assert_eq!(Orientation::read(&Orientation::UPRIGHT.tiff()), None);
    }

    #[test]
    fn a_damaged_structure_has_no_orientation() {
        let good = Orientation(6).tiff();
        for end in 0..20 {
            assert_eq!(Orientation::read(&good[..end]), None, "{end} bytes");
        }
        for (at, byte) in [(0, b'X'), (3, 0), (4, 0xff), (7, 200), (9, 0), (13, 4), (19, 0), (19, 9), (18, 1)] {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(Orientation::read(&bad), None, "byte {at} is {byte}");
        }
    }
}
