//! The headers that carry a trace between services: W3C's `traceparent` and AWS's `X-Amzn-Trace-Id`.

use opentelemetry::trace::{SpanId, TraceId};

use super::ids::{Context, XRay};

const TRACEPARENT: &str = "traceparent";
const X_AMZN_TRACE_ID: &str = "x-amzn-trace-id";

/// What a caller says of its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(super) trace: TraceId,
    /// A load balancer's header has none.
    pub(super) parent: Option<SpanId>,
    /// Whether the caller records it; a load balancer leaves that to us.
    pub(super) sampled: Option<bool>,
}

/// A format of these headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Propagator {
    TraceContext,
    XRay,
}

/// Those that are used. If a request has several headers, the last one of this list wins, as in OpenTelemetry's SDKs.
pub(super) const DEFAULT: &[Propagator] = &[Propagator::TraceContext, Propagator::XRay];

impl Incoming {
    /// Reads the headers that `header` returns by their names.
    pub(super) fn read_by<'a>(
        propagators: &[Propagator],
        header: impl Fn(&'static str) -> Option<&'a str>,
    ) -> Option<Self> {
        propagators.iter().rev().find_map(|propagator| match propagator {
            Propagator::TraceContext => parse_w3c(header(TRACEPARENT)?),
            Propagator::XRay => parse_xray(header(X_AMZN_TRACE_ID)?),
        })
    }

    /// Names the trace in logs and records nothing.
    pub(super) fn unrecorded(self) -> Context {
        Context::unsampled(self.trace, self.parent.unwrap_or(SpanId::INVALID))
    }
}

impl Propagator {
    /// Returns the header for a trace, the span that makes the call, and whether they are recorded.
    pub(super) fn write(self, (trace, span, sampled): (TraceId, SpanId, bool)) -> (&'static str, String) {
        let sampled = u8::from(sampled);
        match self {
            Self::TraceContext => (TRACEPARENT, format!("00-{trace}-{span}-{sampled:02x}")),
            Self::XRay => (X_AMZN_TRACE_ID, format!("Root={};Parent={span};Sampled={sampled}", XRay(trace))),
        }
    }
}

/// `00-<32 digits>-<16 digits>-<2 digits>`; a later version may have more parts.
fn parse_w3c(header: &str) -> Option<Incoming> {
    let mut parts = header.trim().split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if !is_hex(version, 2) || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok().filter(|_| is_hex(flags, 2))?;
    Some(Incoming { trace: trace_id(trace)?, parent: Some(span_id(parent)?), sampled: Some(flags & 1 == 1) })
}

/// `Root=1-<8 digits>-<24 digits>;Parent=<16 digits>;Sampled=1`, of which a load balancer writes the root alone.
fn parse_xray(header: &str) -> Option<Incoming> {
    let value = |key: &str| header.split(';').find_map(|part| part.trim().strip_prefix(key));
    let (time, random) = value("Root=1-")?.split_once('-')?;
    let root = is_hex(time, 8) && is_hex(random, 24);
    let trace = root.then(|| trace_id(&format!("{time}{random}"))).flatten()?;
    let sampled = match value("Sampled=") {
        Some("1") => Some(true),
        Some("0") => Some(false),
        _ => None,
    };
    Some(Incoming { trace, parent: value("Parent=").and_then(span_id), sampled })
}

fn trace_id(text: &str) -> Option<TraceId> {
    TraceId::from_hex(text).ok().filter(|id| is_hex(text, 32) && *id != TraceId::INVALID)
}

fn span_id(text: &str) -> Option<SpanId> {
    SpanId::from_hex(text).ok().filter(|id| is_hex(text, 16) && *id != SpanId::INVALID)
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const ROOT: &str = "67891233abcdef012345678912345678";

    fn read(w3c: &str, xray: &str) -> Option<(String, Option<String>, Option<bool>)> {
        let header = |name| Some(if name == TRACEPARENT { w3c } else { xray });
        let incoming = Incoming::read_by(DEFAULT, header)?;
        Some((incoming.trace.to_string(), incoming.parent.map(|id| id.to_string()), incoming.sampled))
    }

    #[test]
    fn w3c_and_aws_headers_are_read_and_the_load_balancers_wins() {
        let parent = "00f067aa0ba902b7";
        let w3c = format!("00-{TRACE}-{parent}-01");
        let some = |trace: &str, parent: Option<&str>, sampled| {
            Some((trace.to_owned(), parent.map(ToOwned::to_owned), sampled))
        };
        let root = "Root=1-67891233-abcdef012345678912345678";
        for (w3c, xray, expected) in [
            (&*w3c, "", some(TRACE, Some(parent), Some(true))),
            (&format!("00-{TRACE}-{parent}-00"), "", some(TRACE, Some(parent), Some(false))),
            (&format!("cc-{TRACE}-{parent}-03-what-comes"), "", some(TRACE, Some(parent), Some(true))),
            ("", root, some(ROOT, None, None)),
            ("", &format!("Self=1-2-3; {root};Sampled=?"), some(ROOT, None, None)),
            ("", &format!("{root};Parent={parent};Sampled=1"), some(ROOT, Some(parent), Some(true))),
            ("", &format!("{root};Parent={parent};Sampled=0"), some(ROOT, Some(parent), Some(false))),
            ("", &format!("{root};Parent=rubbish"), some(ROOT, None, None)),
            (&w3c, root, some(ROOT, None, None)),
            (&w3c, "Root=rubbish", some(TRACE, Some(parent), Some(true))),
        ] {
            assert_eq!(read(w3c, xray), expected, "{w3c} {xray}");
        }
    }

    #[test]
    fn a_header_that_is_none_is_ignored() {
        for w3c in [
            "rubbish",
            "00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
            "00--00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert_eq!(read(w3c, ""), None, "{w3c}");
        }
        for xray in [
            "Root=1-6789123-abcdef0123456789123456789",
            "Root=1-67891233-abcdef01234567891234567\\",
            "Root=1-00000000-000000000000000000000000",
            "Root=2-67891233-abcdef012345678912345678",
            "Parent=00f067aa0ba902b7;Sampled=1",
        ] {
            assert_eq!(read("", xray), None, "{xray}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read(trace in 1..=u128::MAX, span in 1..=u64::MAX, sampled: bool) {
            let trace = TraceId::from_bytes(trace.to_be_bytes());
            let span = SpanId::from_bytes(span.to_be_bytes());
            for &propagator in DEFAULT {
                let (name, value) = propagator.write((trace, span, sampled));
                let read = Incoming::read_by(DEFAULT, |asked| (asked == name).then_some(&*value));
                prop_assert_eq!(read, Some(Incoming { trace, parent: Some(span), sampled: Some(sampled) }));
            }
        }

        #[test]
        fn of_any_text_only_ids_that_it_holds_are_read(
            text in "(00|cc)-[0-9a-f]{31,33}-[0-9a-f]{15,17}-01.{0,8}|\
                     Root=1-[0-9a-f]{7,9}-[0-9a-f]{23,25};Parent=[0-9a-f]{15,17}.{0,8}|.{0,80}",
        ) {
            let digits = text.replace('-', "");
            for incoming in [parse_w3c(&text), parse_xray(&text)].into_iter().flatten() {
                prop_assert!(digits.contains(&incoming.trace.to_string()));
                prop_assert!(incoming.parent.is_none_or(|parent| digits.contains(&parent.to_string())));
            }
        }
    }
}
