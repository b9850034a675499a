//! Which headers are read and written: those of `OTEL_PROPAGATORS`.

use super::headers::{self, Incoming};
use super::ids::Context;
use super::provider::tracing;

/// Returns the caller's trace according to its headers. `header` finds a header by its name.
pub(crate) fn incoming<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Option<Incoming> {
    Incoming::read_by(tracing().map_or(headers::DEFAULT, |tracing| &*tracing.propagators), header)
}

/// Returns the headers for a request to another service of ours. Without tracing there are none.
pub fn headers(context: Context) -> impl Iterator<Item = (&'static str, String)> {
    let propagators = tracing().map_or(&[][..], |tracing| &*tracing.propagators);
    let outgoing = context.outgoing();
    outgoing.into_iter().flat_map(move |outgoing| propagators.iter().map(move |propagator| propagator.write(outgoing)))
}
