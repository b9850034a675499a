//! Why a file is not a picture that we store.

/// Why a file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Its type is none of those that are stored.
    #[error("the file is not a JPEG, PNG, WebP or GIF")]
    Unsupported {
        /// It is HEIC or AVIF, which phones make.
        heif: bool,
    },
    /// It has no pixels.
    #[error("the picture has a width or height of 0")]
    Empty,
    /// It has too many pixels.
    #[error("the picture has {width} × {height} pixels")]
    TooManyPixels {
        /// As the picture claims.
        width: u32,
        /// As the picture claims.
        height: u32,
    },
    /// It contradicts its own format.
    #[error("the picture is damaged: {0}")]
    Malformed(&'static str),
    /// Its end is missing.
    #[error("the end of the picture is missing")]
    Incomplete,
}

impl PictureError {
    /// The error for a file that begins like this.
    pub(super) fn unrecognised(beginning: &[u8]) -> Self {
        Self::Unsupported { heif: beginning.get(4..8) == Some(b"ftyp") }
    }
}
