//! The timestamp of log lines: UTC, to the microsecond.

use std::cell::Cell;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const SECOND: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].");
const LENGTH: usize = "2026-11-26T04:47:00.".len();

thread_local! {
    /// The second that was formatted last. Formatting costs more than all digits behind it.
    static LAST: Cell<(i64, [u8; LENGTH])> = const { Cell::new((i64::MIN, [0; LENGTH])) };
}

/// Appends the present time.
pub(super) fn write(out: &mut Vec<u8>) {
    append(OffsetDateTime::now_utc(), out);
}

fn append(at: OffsetDateTime, out: &mut Vec<u8>) {
    let second = at.unix_timestamp();
    let (last, mut text) = LAST.get();
    if last != second {
        // Years beyond 9999 have more digits: such a clock is wrong, and its time is written as the epoch.
        let mut rest = &mut text[..];
        if at.format_into(&mut rest, SECOND).is_err() {
            return append(OffsetDateTime::UNIX_EPOCH, out);
        }
        LAST.set((second, text));
    }
    out.extend_from_slice(&text);
    let mut rest = at.microsecond();
    let mut digits = *b"000000Z";
    for digit in digits[..6].iter_mut().rev() {
        *digit += u8::try_from(rest % 10).expect("a digit fits in a byte");
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::format_description::well_known::Rfc3339;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_line_has_the_present_time() {
        let before = OffsetDateTime::now_utc() - Duration::from_millis(1);
        let mut out = Vec::new();
        write(&mut out);
        let written = OffsetDateTime::parse(str::from_utf8(&out).unwrap(), &Rfc3339).unwrap();
        assert!((before..=OffsetDateTime::now_utc()).contains(&written), "{written}");
    }

    #[test]
    fn times_are_utc_with_six_digits_whatever_was_written_before() {
        let written = |at| {
            let mut out = Vec::new();
            append(at, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(datetime!(2026-11-26 04:47:59.999_999 UTC)), "2026-11-26T04:47:59.999999Z");
        assert_eq!(written(datetime!(2026-11-26 04:47:59.000_001 UTC)), "2026-11-26T04:47:59.000001Z");
        assert_eq!(written(datetime!(2026-11-26 04:48:00 UTC)), "2026-11-26T04:48:00.000000Z");
        assert_eq!(written(datetime!(0001-01-01 00:00:00 UTC)), "0001-01-01T00:00:00.000000Z");
    }
}
