//! One JSON object, written member by member into a line of the log.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

const INFALLIBLE: &str = "text and numbers are always JSON, and memory takes them";

/// An object that is being written. Names must need no escapes.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    /// What stands between the last member and the next one's name.
    before_name: &'static [u8],
}

impl<'a> Object<'a> {
    pub(super) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, before_name: b"\"" }
    }

    /// Ends the object and the line.
    pub(super) fn close(self) {
        self.out.extend_from_slice(b"}\n");
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        serde_json::to_writer(&mut *self.out, value).expect(INFALLIBLE);
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        serde_json::to_writer(&mut *self.out, &value).expect(INFALLIBLE);
    }

    /// To the microsecond, such as `0.287`.
    pub(super) fn milliseconds(&mut self, name: &str, value: Duration) {
        let microseconds = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        self.number(name, microseconds / 1000);
        let fraction = microseconds % 1000;
        let digit = |unit| b'0' + u8::try_from(fraction / unit % 10).expect("a digit fits in a byte");
        self.out.extend_from_slice(&[b'.', digit(100), digit(10), digit(1)]);
    }

    /// Text that needs no escapes.
    pub(super) fn token(&mut self, name: &str, value: &str) {
        self.quoted(name, |out| out.extend_from_slice(value.as_bytes()));
    }

    /// Something whose text needs no escapes, such as an address or an id.
    pub(super) fn plain(&mut self, name: &str, value: impl Display) {
        self.quoted(name, |out| write!(out, "{value}").expect(INFALLIBLE));
    }

    /// What `write` appends, which must need no escapes, in quotes.
    pub(super) fn quoted(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.name(name);
        self.out.push(b'"');
        write(self.out);
        self.out.push(b'"');
    }

    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(self.before_name);
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.before_name = b",\"";
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn milliseconds_have_three_digits_after_the_point() {
        for (micros, expected) in
            [(0, "0.000"), (7, "0.007"), (287, "0.287"), (45_060, "45.060"), (1_000_000, "1000.000")]
        {
            let mut out = Vec::new();
            Object::open(&mut out).milliseconds("took", Duration::from_micros(micros));
            assert_eq!(String::from_utf8(out).unwrap(), format!("{{\"took\":{expected}"));
        }
    }

    proptest! {
        #[test]
        fn every_line_is_an_object_with_the_values_that_were_written(text: String, number: u64, micros in 0..u64::MAX / 2) {
            let mut out = Vec::new();
            let mut object = Object::open(&mut out);
            object.text("text", &text);
            object.number("number", number);
            object.milliseconds("took", Duration::from_micros(micros));
            object.plain("plain", "::1");
            object.token("token", "GET");
            object.close();
            let line = out.strip_suffix(b"\n").unwrap();
            prop_assert!(!line.contains(&b'\n'));
            let read: Value = serde_json::from_slice(line).unwrap();
            #[expect(clippy::cast_precision_loss, reason = "a float is what readers of JSON get")]
            let took = micros as f64 / 1e3;
            prop_assert_eq!((&read["text"], &read["number"]), (&json!(text), &json!(number)));
            prop_assert_eq!((&read["plain"], &read["token"]), (&json!("::1"), &json!("GET")));
            prop_assert!((read["took"].as_f64().unwrap() - took).abs() <= took * 1e-12);
        }
    }
}
