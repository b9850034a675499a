//! The ids of a trace, as they travel through this process.

use std::fmt;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The trace to which a request belongs, and whether it is recorded. It travels with a request to the work that is done
/// for it, which may be done for many requests at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Context(Option<Ids>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ids {
    trace: TraceId,
    /// The span that is under way, or the caller's if this trace is not recorded.
    span: SpanId,
    sampled: bool,
}

impl Context {
    /// A trace that is recorded; `span` is under way.
    pub(super) fn sampled(trace: TraceId, span: SpanId) -> Self {
        Self(Some(Ids { trace, span, sampled: true }))
    }

    /// A trace that is not recorded, but named in logs and passed on.
    pub(super) fn unsampled(trace: TraceId, span: SpanId) -> Self {
        Self(Some(Ids { trace, span, sampled: false }))
    }

    /// Returns true if spans are recorded.
    pub fn is_sampled(&self) -> bool {
        self.0.is_some_and(|ids| ids.sampled)
    }

    /// Returns the trace's id, if the request belongs to a trace.
    pub(crate) fn trace_id(&self) -> Option<TraceId> {
        self.0.map(|ids| ids.trace)
    }

    /// Returns the id of the span that is under way, if it is recorded.
    pub(crate) fn span_id(&self) -> Option<SpanId> {
        self.0.filter(|ids| ids.sampled).map(|ids| ids.span)
    }

    /// Returns what a callee receives: trace, parent and decision.
    pub(super) fn outgoing(&self) -> Option<(TraceId, SpanId, bool)> {
        self.0.map(|ids| (ids.trace, ids.span, ids.sampled))
    }

    /// Returns what the SDK needs for a child or a link, if the trace is recorded.
    pub(super) fn recorded(&self) -> Option<SpanContext> {
        let ids = self.0.filter(|ids| ids.sampled)?;
        Some(SpanContext::new(ids.trace, ids.span, TraceFlags::SAMPLED, false, TraceState::default()))
    }
}

/// A trace's id in X-Ray's format: `1-67891233-abcdef012345678912345678`.
pub(crate) struct XRay(pub(crate) TraceId);

impl fmt::Display for XRay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u128::from_be_bytes(self.0.to_bytes());
        write!(f, "1-{:08x}-{:024x}", id >> 96, id & ((1 << 96) - 1))
    }
}
