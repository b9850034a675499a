//! The types of pictures that are stored.

/// A type of pictures, recognised by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    WebP,
    /// GIF.
    Gif,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::WebP, Self::Gif];

    /// Returns the type of the file that begins with these 16 bytes.
    pub(super) fn of(signature: &[u8]) -> Option<Self> {
        match signature {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ => None,
        }
    }

    /// Returns its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    /// Returns the end of a stored object's key.
    pub fn extension(self) -> &'static str {
        &self.media_type()["image/".len()..]
    }

    /// Returns the type that the end of a stored object's key names.
    pub fn of_key(key: &str) -> Option<Self> {
        let extension = key.rsplit_once('.')?.1;
        Self::ALL.into_iter().find(|kind| kind.extension() == extension)
    }
}
