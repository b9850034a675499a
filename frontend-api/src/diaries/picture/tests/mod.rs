//! Pictures of phones' shape, made here: all metadata holds the word `SECRET`, which must not be found afterwards.

mod broken;
mod formats;
mod samples;

use super::{Cleaner, Kind, LONGEST_PIECE, PictureError};

/// Cleans a file that arrives in pieces of these sizes, again and again.
fn clean_in(file: &[u8], sizes: &[usize]) -> Result<(Kind, Vec<u8>), PictureError> {
    let (mut cleaner, mut out, mut rest) = (Cleaner::default(), Vec::new(), file);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, left) = rest.split_at(rest.len().min(*size));
        rest = left;
        cleaner.push(piece, &mut out)?;
        assert!(cleaner.piece.capacity() <= 2 * LONGEST_PIECE, "it keeps {} bytes", cleaner.piece.capacity());
    }
    cleaner.finish().map(|kind| (kind, out))
}

fn clean(file: &[u8]) -> Result<(Kind, Vec<u8>), PictureError> {
    clean_in(file, &[file.len().max(1)])
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
