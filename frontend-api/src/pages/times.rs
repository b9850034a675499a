//! Times of day. Pages say them in UTC; the script makes them local.

use maud::{Markup, html};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

const MACHINE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]Z");
const MACHINE_SECOND: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const HUMAN_SECOND: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute]:[second] UTC");
const HUMAN: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute]");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[day padding:none] [month repr:short] [year]");

/// A time to the minute, such as `24 Nov 2026, 18:02`. An element can refer to it by `id`.
pub(super) fn minute(at: OffsetDateTime, id: Option<&str>) -> Markup {
    html! { time id=[id] datetime=(format(at, MACHINE)) { (format(at, HUMAN)) } }
}

/// A time to the second, which says that it is UTC.
pub(super) fn second(at: OffsetDateTime) -> Markup {
    html! { time datetime=(format(at, MACHINE_SECOND)) { (format(at, HUMAN_SECOND)) } }
}

/// A day, such as `24 Nov 2026`.
pub(super) fn day(at: OffsetDateTime) -> Markup {
    let date = at.to_offset(UtcOffset::UTC).date().to_string();
    html! { time datetime=(date) { (format(at, DAY)) } }
}

fn format(at: OffsetDateTime, format: &[BorrowedFormatItem<'_>]) -> String {
    at.to_offset(UtcOffset::UTC).format(format).expect("the format has only parts that every time has")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_is_shown_in_utc_for_people_and_for_programs() {
        let at = datetime!(2026-11-04 01:02:03 +3);
        let expected = "<time id=\"t1\" datetime=\"2026-11-03T22:02Z\">3 Nov 2026, 22:02</time>";
        assert_eq!(minute(at, Some("t1")).into_string(), expected);
        assert_eq!(day(at).into_string(), "<time datetime=\"2026-11-03\">3 Nov 2026</time>");
    }
}
