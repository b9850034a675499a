//! Whole pictures: the same pixels, no metadata, in pieces of any size.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ImageFormat, RgbaImage};
use proptest::prelude::*;

use super::super::exif::Orientation;
use super::{Kind, clean, clean_in, contains, samples};

/// Decodes all frames.
fn decoded(kind: Kind, file: &[u8]) -> Vec<RgbaImage> {
    let frames = match kind {
        Kind::Gif => GifDecoder::new(Cursor::new(file)).unwrap().into_frames(),
        Kind::WebP => {
            let decoder = WebPDecoder::new(Cursor::new(file)).unwrap();
            if !decoder.has_animation() {
                return vec![image::load_from_memory(file).unwrap().to_rgba8()];
            }
            decoder.into_frames()
        }
        _ => return vec![image::load_from_memory(file).unwrap().to_rgba8()],
    };
    frames.map(|frame| frame.unwrap().into_buffer()).collect()
}

#[test]
fn the_pixels_of_all_frames_stay_and_no_metadata_does() {
    for (kind, file) in samples::all() {
        let (found, cleaned) = clean(&file).unwrap();
        assert_eq!(found, kind);
        assert!(contains(&file, b"SECRET"));
        for word in [b"SECRET".as_slice(), b"48.1371", b"xmpmeta", b"Exif\0\0II", b"SEC"] {
            assert!(!contains(&cleaned, word), "{kind:?} still has {}", String::from_utf8_lossy(word));
        }
        assert_eq!(decoded(kind, &cleaned), decoded(kind, &file), "{kind:?}");
        assert_eq!(clean(&cleaned).unwrap().1, cleaned, "{kind:?} changes when it is cleaned again");
    }
}

#[test]
fn the_orientation_stays_where_decoders_read_it() {
    let stays = Orientation::read(&samples::exif()).unwrap().tiff();
    for (kind, file) in samples::all() {
        let cleaned = clean(&file).unwrap().1;
        let found = cleaned.windows(stays.len()).filter(|window| *window == stays).count();
        let has_exif = kind != Kind::Gif && file != samples::moving_webp();
        assert_eq!(found, usize::from(has_exif), "{kind:?}");
    }
    let jpeg = clean(&samples::jpeg()).unwrap().1;
    assert!(contains(&jpeg, &[b"\xff\xe1\0\x22Exif\0\0".as_slice(), &stays].concat()));
    let png = clean(&samples::png()).unwrap().1;
    assert!(contains(&png, &samples::chunk(b"eXIf", &stays)));
    let webp = clean(&samples::webp()).unwrap().1;
    assert!(contains(
        &webp,
        &[b"EXIF".as_slice(), &u32::try_from(samples::exif().len()).unwrap().to_le_bytes(), &stays].concat()
    ));
}

#[test]
fn what_decoders_need_to_show_colours_and_animations_stays() {
    for (file, word) in [
        (samples::jpeg(), b"ICC_PROFILE\0\x01\x01a profile".as_slice()),
        (samples::png(), b"pHYs"),
        (samples::webp(), b"ICCP\x09\0\0\0a profile\0"),
        (samples::moving_webp(), b"ANIM\x06\0\0\0\0\0\0\0\x03\0"),
        (samples::gif(), b"NETSCAPE2.0\x03\x01\x03\0\0"),
    ] {
        assert!(contains(&clean(&file).unwrap().1, word), "{}", String::from_utf8_lossy(word));
    }
    // The flag of XMP is cleared; EXIF's and the profile's stay.
    assert_eq!(clean(&samples::webp()).unwrap().1[20], 0x28);
}

#[test]
fn scans_with_markers_of_their_own_pass_unchanged() {
    let head = b"\xff\xd8\xff\xc0\0\x0b\x08\0\x01\0\x01\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0";
    let scan = b"ab\xff\0cd\xff\xd0ef\xff\xd7\xff\0";
    let second = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0gh\xff\xd9";
    let file = [head.as_slice(), scan, b"\xff\xfe\0\x08SECRET", second].concat();
    assert_eq!(clean(&file).unwrap().1, [head.as_slice(), scan, second].concat());
}

#[test]
fn a_lossy_webp_passes_unchanged() {
    let pixels = samples::riff(b"VP8 ", b"\x30\x01\0\x9d\x01\x2a\x10\0\x10\0content of a partition");
    let file = samples::webp_of(&[pixels]);
    assert_eq!(clean(&file).unwrap(), (Kind::WebP, file));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_of_any_size_give_the_same_picture(sizes in prop::collection::vec(1..300_usize, 1..8)) {
        for (_, file) in samples::all() {
            prop_assert_eq!(clean_in(&file, &sizes), clean(&file));
        }
    }
}

#[test]
fn single_bytes_give_the_same_picture() {
    for (_, file) in samples::all() {
        assert_eq!(clean_in(&file, &[1]), clean(&file));
    }
}

#[test]
fn the_end_of_a_key_names_the_type() {
    for (format, kind) in [
        (ImageFormat::Jpeg, Kind::Jpeg),
        (ImageFormat::Png, Kind::Png),
        (ImageFormat::WebP, Kind::WebP),
        (ImageFormat::Gif, Kind::Gif),
    ] {
        assert_eq!(kind.media_type(), format.to_mime_type());
        assert_eq!(Kind::of_key(&format!("some.key.{}", kind.extension())), Some(kind));
    }
    assert_eq!(Kind::of_key("key.svg"), None);
    assert_eq!(Kind::of_key("png"), None);
}
