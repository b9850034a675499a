//! What the running task serves: for the spans of its calls, and for its log lines.

use std::fmt;

use actix_web::http::header::HeaderValue;

use super::ids::{Context, XRay};

tokio::task_local! {
    static CURRENT: Current;
}

/// A request, or work for several.
#[derive(Debug, Clone, Default)]
pub(crate) struct Current {
    pub(super) request_id: Option<HeaderValue>,
    pub(super) trace: Context,
    /// How many rows one statement writes for as many requests.
    pub(super) batch: Option<usize>,
}

impl Current {
    pub(crate) fn of_request(id: HeaderValue, trace: Context) -> Self {
        Self { request_id: Some(id), trace, batch: None }
    }

    /// Runs `work` as part of this. Each poll of the work costs two writes to a thread-local variable.
    pub(crate) fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }
}

/// Returns the trace that the running task works for.
pub fn current() -> Context {
    CURRENT.try_with(|current| current.trace).unwrap_or_default()
}

/// Returns how many rows the running statement writes for as many requests, if there are several.
pub fn batch_size() -> Option<i64> {
    let size = CURRENT.try_with(|current| current.batch).ok().flatten()?;
    i64::try_from(size).ok()
}

/// Returns `work` as part of what the running task serves, to be spawned as a separate task.
pub fn inherit<F: Future>(work: F) -> impl Future<Output = F::Output> {
    CURRENT.try_with(Clone::clone).unwrap_or_default().scope(work)
}

/// Writes the fields that name the request and the trace for which the running task works, to be appended to those of a
/// JSON object. Some events name the request themselves.
pub(crate) fn write_current(out: &mut impl fmt::Write, request_is_named: bool) -> fmt::Result {
    let write = |current: &Current| {
        let request_id = current.request_id.as_ref().filter(|_| !request_is_named);
        if let Some(id) = request_id.and_then(|id| id.to_str().ok()) {
            write!(out, ",\"request_id\":\"{id}\"")?;
        }
        if let Some(trace) = current.trace.trace_id() {
            write!(out, ",\"trace_id\":\"{trace}\",\"xray_trace_id\":\"{}\"", XRay(trace))?;
        }
        match current.trace.span_id() {
            Some(span) => write!(out, ",\"span_id\":\"{span}\""),
            None => Ok(()),
        }
    };
    // The error is that the running task works for no request.
    CURRENT.try_with(write).unwrap_or(Ok(()))
}
