//! Makes the pictures.

use std::io::Cursor;
use std::sync::LazyLock;

use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::jpeg::JpegEncoder;
use image::{Delay, DynamicImage, Frame, ImageFormat, Rgb, RgbImage};

use super::super::png::crc;

/// EXIF whose directory says orientation 6 and is followed by a position and a thumbnail.
pub(super) fn exif() -> Vec<u8> {
    let mut tiff = b"II\x2a\0\x08\0\0\0\x02\0".to_vec();
    tiff.extend_from_slice(b"\x0f\x01\x02\0\x07\0\0\0\x26\0\0\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0SECRET\0");
    tiff.extend_from_slice(b"GPS SECRET +48.1371+011.5754/ thumbnail: ");
    tiff.extend_from_slice(&plain_jpeg());
    tiff
}

fn low(value: u32) -> u8 {
    value.to_le_bytes()[0]
}

pub(super) fn pixels() -> RgbImage {
    RgbImage::from_fn(61, 43, |x, y| Rgb([low(x * 4), low(y * 5), low(x * y)]))
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    DynamicImage::from(pixels()).write_to(&mut file, format).unwrap();
    file.into_inner()
}

pub(super) fn plain_jpeg() -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 80).encode_image(&pixels()).unwrap();
    file
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap();
    [&[0xff, marker], length.to_be_bytes().as_slice(), content].concat()
}

/// A JPEG with everything that phones put into it, also between the scan and the end, and a film after the end.
pub(super) fn jpeg() -> Vec<u8> {
    let plain = plain_jpeg();
    // The encoder begins with SOI and JFIF's 18 bytes; the latter get a thumbnail of one pixel.
    let mut file = plain[..2].to_vec();
    file.extend(segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\x01\x01SEC"));
    file.extend(segment(0xe1, &[b"Exif\0\0".as_slice(), &exif()].concat()));
    file.extend(segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>SECRET</x:xmpmeta>"));
    file.extend(segment(0xe2, b"ICC_PROFILE\0\x01\x01a profile"));
    file.extend(segment(0xe2, b"MPF\0SECRET"));
    for other in (0xe3..=0xed).chain([0xef, 0xfe]) {
        file.extend(segment(other, b"SECRET"));
    }
    file.extend_from_slice(&plain[20..plain.len() - 2]);
    file.extend(segment(0xfe, b"SECRET"));
    file.extend(segment(0xe1, b"SECRET"));
    file.extend_from_slice(b"\xff\xff\xff\xd9");
    file.extend(plain_jpeg());
    file.extend_from_slice(b"\0\0\0\x18ftypmp42SECRET");
    file
}

pub(super) fn chunk(name: &[u8], content: &[u8]) -> Vec<u8> {
    let named = [name, content].concat();
    let length = u32::try_from(content.len()).unwrap();
    [&length.to_be_bytes(), named.as_slice(), &crc(&named).to_be_bytes()].concat()
}

pub(super) fn png() -> Vec<u8> {
    let plain = encoded(ImageFormat::Png);
    let (head, end) = (33, plain.len() - 12);
    let mut file = plain[..head].to_vec();
    file.extend(chunk(b"pHYs", &[0, 0, 0x0b, 0x13, 0, 0, 0x0b, 0x13, 1]));
    for name in [b"tEXt".as_slice(), b"zTXt", b"iTXt", b"tIME", b"caBX", b"prVt"] {
        file.extend(chunk(name, b"SECRET"));
    }
    file.extend_from_slice(&plain[head..end]);
    file.extend(chunk(b"eXIf", &exif()));
    file.extend(chunk(b"eXIf", &exif()));
    file.extend_from_slice(&plain[end..]);
    file.extend_from_slice(b"SECRET");
    file
}

pub(super) fn riff(name: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let padding = &[b'S'][..content.len() % 2];
    [name, &length.to_le_bytes(), content, padding].concat()
}

pub(super) fn webp_of(chunks: &[Vec<u8>]) -> Vec<u8> {
    let content = [b"WEBP".to_vec(), chunks.concat()].concat();
    [b"RIFF".as_slice(), &u32::try_from(content.len()).unwrap().to_le_bytes(), &content].concat()
}

pub(super) fn extended(flags: u8) -> Vec<u8> {
    riff(b"VP8X", &[flags, 0, 0, 0, 60, 0, 0, 42, 0, 0])
}

/// The chunk with the pixels.
fn lossless() -> Vec<u8> {
    encoded(ImageFormat::WebP)[12..].to_vec()
}

pub(super) fn webp() -> Vec<u8> {
    let icc = riff(b"ICCP", b"a profile");
    let other = riff(b"caBX", b"SECRET!");
    let exif = riff(b"EXIF", &exif());
    let xmp = riff(b"XMP ", b"SECRET!");
    let mut file = webp_of(&[extended(0x2c), icc, other, lossless(), exif, xmp]);
    file.extend_from_slice(b"SECRET");
    file
}

pub(super) fn moving_webp() -> Vec<u8> {
    let place = [0, 0, 0, 0, 0, 0, 60, 0, 0, 42, 0, 0, 40, 0, 0, 0];
    let frame =
        riff(b"ANMF", &[place.to_vec(), lossless(), riff(b"XMP ", b"SECRET"), riff(b"caBX", b"SECRET")].concat());
    let animation = riff(b"ANIM", &[0, 0, 0, 0, 3, 0]);
    webp_of(&[extended(0x06), animation, frame.clone(), frame, riff(b"XMP ", b"SECRET")])
}

pub(super) fn gif() -> Vec<u8> {
    let mut plain = Vec::new();
    {
        let mut encoder = GifEncoder::new(&mut plain);
        encoder.set_repeat(Repeat::Finite(3)).unwrap();
        for turn in 0..3_u8 {
            let picture = RgbImage::from_fn(20, 10, |x, _| Rgb([low(x), turn * 60, 0]));
            let delay = Delay::from_numer_denom_ms(70, 1);
            let frame = Frame::from_parts(DynamicImage::from(picture).to_rgba8(), 0, 0, delay);
            encoder.encode_frame(frame).unwrap();
        }
    }
    let head = 13 + if plain[10] & 0x80 == 0 { 0 } else { 3 << ((plain[10] & 7) + 1) };
    let mut file = plain[..head].to_vec();
    file.extend_from_slice(b"\x21\xfe\x06SECRET\x07 SECRET\0");
    file.extend_from_slice(b"\x21\xff\x0bXMP DataXMP\x06SECRET\x02\xff\xfe\0");
    file.extend_from_slice(b"\x21\x01\x0c\0\0\0\0\0\0\0\0\0\0\0\0\x06SECRET\0");
    file.extend_from_slice(&plain[head..]);
    file.extend_from_slice(b"SECRET");
    file
}

pub(super) fn all() -> [(super::Kind, Vec<u8>); 5] {
    use super::Kind::{Gif, Jpeg, Png, WebP};
    static ALL: LazyLock<[(super::Kind, Vec<u8>); 5]> =
        LazyLock::new(|| [(Jpeg, jpeg()), (Png, png()), (WebP, webp()), (WebP, moving_webp()), (Gif, gif())]);
    ALL.clone()
}
