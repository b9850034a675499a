//! Files that are cut off, lie about their size, or are something else.

use proptest::prelude::*;

use super::{PictureError, clean, clean_in, samples};

#[test]
fn a_picture_cut_off_anywhere_is_refused() {
    for (kind, file) in samples::all() {
        // What comes after the end does not count.
        let whole = (0..file.len()).find(|end| clean(&file[..*end]).is_ok()).unwrap_or(file.len());
        assert_eq!(clean(&file[..whole]), clean(&file), "{kind:?}");
        for cut in 0..whole {
            let error = clean(&file[..cut]).unwrap_err();
            let expected = [PictureError::Incomplete, PictureError::Unsupported { heif: false }];
            assert!(expected.contains(&error), "{kind:?} cut at {cut}: {error}");
        }
    }
}

#[test]
fn other_files_are_refused_whatever_they_call_themselves() {
    for (file, heif) in [
        (b"".as_slice(), false),
        (b"\xff\xd8\xff", false),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\">", false),
        (b"<!DOCTYPE html><script>", false),
        (b"%PDF-1.7 and so on", false),
        (b"PK\x03\x04 and so on and on", false),
        (b"BM and so on and on", false),
        (b"RIFF\x10\0\0\0WAVEfmt and", false),
        (b"GIF88a and so on and on", false),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1", true),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1", true),
    ] {
        assert_eq!(clean(file), Err(PictureError::Unsupported { heif }), "{}", String::from_utf8_lossy(file));
    }
}

#[test]
fn a_picture_that_claims_too_many_pixels_or_none_is_refused_unread() {
    let png = |width: u32, height: u32| {
        let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
        [b"\x89PNG\r\n\x1a\n".to_vec(), samples::chunk(b"IHDR", &[size, vec![8, 2, 0, 0, 0]].concat())].concat()
    };
    let jpeg = |width: u16, height: u16| {
        let [size_y, size_x] = [height.to_be_bytes(), width.to_be_bytes()];
        [b"\xff\xd8\xff\xc0\0\x0b\x08".as_slice(), &size_y, &size_x, b"\x01\x01\x11\0\xff\xda"].concat()
    };
    let gif = |width: u16, height: u16| {
        [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), b"\0\0\0\x3b\x3b\x3b"].concat()
    };
    let canvas = samples::webp_of(&[samples::riff(b"VP8X", &[0, 0, 0, 0, 255, 255, 0, 255, 255, 0])]);
    let lossless = samples::webp_of(&[samples::riff(b"VP8L", b"\x2f\xff\xff\xff\x0f\0\0\0\0")]);
    let lossy = samples::webp_of(&[samples::riff(b"VP8 ", b"\x30\x01\0\x9d\x01\x2a\xff\x3f\xff\x3f")]);
    for file in
        [png(60_000, 60_000), png(8192, 6401), jpeg(65_535, 65_535), gif(29_500, 29_283), canvas, lossless, lossy]
    {
        let error = clean(&file).unwrap_err();
        assert!(matches!(error, PictureError::TooManyPixels { .. }), "{error}");
    }
    for file in [png(0, 1), png(1, 0), jpeg(0, 5), jpeg(5, 0), gif(0, 5)] {
        assert_eq!(clean(&file), Err(PictureError::Empty));
    }
    for file in [png(8160, 6144), png(8192, 6400), jpeg(8160, 6144)] {
        assert_eq!(clean(&file), Err(PictureError::Incomplete));
    }
}

#[test]
fn a_frame_larger_than_its_picture_claims_is_refused_too() {
    let frame = b"GIF89a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\xff\xff\xff\xff\0";
    let in_canvas = samples::webp_of(&[samples::extended(0), samples::riff(b"VP8L", b"\x2f\xff\xff\xff\x0f\0\0\0\0")]);
    for file in [frame.as_slice(), &in_canvas] {
        assert!(matches!(clean(file), Err(PictureError::TooManyPixels { .. })));
    }
}

#[test]
fn a_picture_that_contradicts_its_format_is_refused() {
    let png = samples::png();
    for (file, why) in [
        (b"\xff\xd8\xff\xd9\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(), "no scan"),
        (b"\xff\xd8\xff\xda\0\x02\0\0\0\0\0\0\0\0\0\0".to_vec(), "a scan without a size"),
        (b"\xff\xd8\xff\xe1\0\x01\0\0\0\0\0\0\0\0\0\0".to_vec(), "a length of 1"),
        (b"\xff\xd8\xff\xe1\0\x02SECRET and on".to_vec(), "text for a marker"),
        (b"\xff\xd8\xff\xd8\xff\xd8\xff\xd8\xff\xd8\xff\xd8\xff\xd8\xff\xd8".to_vec(), "two starts"),
        ([&png[..8], &samples::chunk(b"IDAT", b"x")].concat(), "IDAT first"),
        ([&png[..33], &png[8..]].concat(), "two IHDR"),
        ([&png[..33], &samples::chunk(b"IEND", b"")].concat(), "no IDAT"),
        ([&png[..33], b"\xff\xff\xff\xffIDAT".as_slice()].concat(), "a chunk of 4 GB"),
        (samples::webp_of(&[samples::riff(b"ALPH", b"x")]), "no image first"),
        (samples::webp_of(&[samples::extended(0)]), "no image"),
        (b"RIFF\x20\0\0\0WEBPVP8 \xff\0\0\0too short to hold it".to_vec(), "a chunk longer than the file"),
        (samples::webp_of(&[samples::riff(b"VP8L", b"\x2f")]), "too short a chunk"),
        (samples::webp_of(&[samples::riff(b"VP8 ", b"\x30\x01\0SECRET!")]), "no key frame"),
        (b"GIF89a\x01\0\x01\0\0\0\0\x3b\0\0".to_vec(), "no image"),
        (b"GIF89a\x01\0\x01\0\0\0\0X\0\0".to_vec(), "an unknown block"),
    ] {
        let error = clean(&file).unwrap_err();
        assert!(matches!(error, PictureError::Malformed(_)), "{why}: {error}");
    }
}

#[test]
fn a_script_or_an_archive_behind_the_picture_is_cut_off() {
    for (kind, file) in samples::all() {
        let whole = clean(&file).unwrap().1;
        for tail in [b"<script>alert(1)</script>".as_slice(), b"PK\x05\x06", b"\xff\xd8\xff\xd9"] {
            assert_eq!(clean(&[&whole, tail].concat()).unwrap().1, whole, "{kind:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn hostile_bytes_never_panic_and_never_grow(
        which in 0..5_usize,
        changes in prop::collection::vec((0..20_000_usize, any::<u8>()), 0..20),
        random in prop::collection::vec(any::<u8>(), 0..200),
        at in 0..4000_usize,
        sizes in prop::collection::vec(1..900_usize, 1..4),
    ) {
        let mut file = samples::all()[which].1.clone();
        let length = file.len();
        for (at, byte) in changes {
            file[at % length] = byte;
        }
        let at = at % length;
        file.splice(at..at, random);
        if let Ok((_, out)) = clean_in(&file, &sizes) {
            prop_assert!(out.len() <= file.len() + 64);
        }
    }
}
