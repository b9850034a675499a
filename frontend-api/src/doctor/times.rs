//! Times and durations, as reports show them.

use std::time::Duration;

use serde::Serializer;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds, to the microsecond.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1e3
}

/// A time, to the second.
pub(super) fn seconds(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default()
}

pub(super) fn rfc3339<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    let seconds = time.replace_nanosecond(0).unwrap_or(*time);
    serializer.serialize_str(&seconds.format(&Rfc3339).map_err(serde::ser::Error::custom)?)
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
pub(super) fn optional_rfc3339<S: Serializer>(time: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => rfc3339(time, serializer),
        None => serializer.serialize_none(),
    }
}
