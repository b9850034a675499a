//! Spans of calls to other services, and of work for several requests at once.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context as SdkContext, KeyValue, Value};
use opentelemetry_sdk::trace::Span;
use url::Url;

use super::current::{Current, current};
use super::ids::Context;
use super::provider::tracing;

/// The `error.type` of work that was dropped before it ended.
const CANCELLED: &str = "cancelled";

/// What is known of a call before it is made.
#[derive(Debug)]
pub struct Call {
    /// What is done, with few different values.
    pub name: Cow<'static, str>,
    /// The name of the callee's node.
    pub peer: String,
    /// By OpenTelemetry's names.
    pub attributes: Vec<(&'static str, Value)>,
}

impl Call {
    /// Describes a `GET`.
    pub fn get(peer: &str, url: &Url) -> Self {
        let mut shown = url.clone();
        // A URL that can't have user info has none to hide.
        let hidden = shown.set_username("").and_then(|()| shown.set_password(None));
        shown.set_query(None);
        let url_shown = if hidden.is_ok() { shown.to_string() } else { String::new() };
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = i64::from(url.port_or_known_default().unwrap_or_default());
        let attributes = vec![
            ("http.request.method", "GET".into()),
            ("url.full", url_shown.into()),
            ("server.address", host.into()),
            ("server.port", port.into()),
        ];
        Self { name: "GET".into(), peer: peer.to_owned(), attributes }
    }
}

/// A call to something else. Its span ends when this is dropped, as a failure unless the call was answered.
#[derive(Default)]
pub struct Client {
    parent: Context,
    span: Option<Span>,
    is_judged: bool,
}

impl Client {
    /// Starts the span of a call that the running task makes, if its request is traced. Work in the background has no
    /// request and no span.
    pub fn start(call: impl FnOnce() -> Call) -> Self {
        let parent = current();
        let (Some(tracing), Some(recorded)) = (tracing(), parent.recorded()) else {
            return Self { parent, span: None, is_judged: true };
        };
        let call = call();
        let mut attributes = vec![KeyValue::new("peer.service", call.peer)];
        attributes.extend(call.attributes.into_iter().map(|(name, value)| KeyValue::new(name, value)));
        let builder = SpanBuilder::from_name(call.name).with_kind(SpanKind::Client).with_attributes(attributes);
        let span = tracing.tracer.build_with_context(builder, &below(recorded));
        Self { parent, span: Some(span), is_judged: false }
    }

    /// Returns the context for the callee.
    pub fn context(&self) -> Context {
        let (Some(span), Some(trace)) = (&self.span, self.parent.trace_id()) else { return self.parent };
        Context::sampled(trace, span.span_context().span_id())
    }

    /// Adds an attribute.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.span {
            span.set_attribute(KeyValue::new(name, value));
        }
    }

    /// Ends the span of a call that succeeded.
    pub fn succeeded(mut self) {
        self.is_judged = true;
    }

    /// Adds the status of an HTTP answer, and from 400 on that the call failed.
    pub fn answered(&mut self, status: u16) {
        self.set("http.response.status_code", i64::from(status));
        if status >= 400 {
            self.failed(|| status.to_string());
        }
    }

    /// Notes that the call failed. `kind` must be one of few values, and none of what the callee or a caller says.
    pub fn failed(&mut self, kind: impl FnOnce() -> String) {
        self.is_judged = true;
        if let Some(span) = &mut self.span {
            fail(span, kind());
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if !self.is_judged {
            self.failed(|| CANCELLED.to_owned());
        }
    }
}

/// Work that is done for several requests at once: a child of the first one that is traced, with links to the others.
/// Without a traced request there is no span.
pub struct Shared {
    context: Context,
    batch: Option<usize>,
    /// Until the work has ended.
    span: Option<Span>,
}

impl Shared {
    /// Starts the span.
    pub fn start<'a>(name: &'static str, requests: impl IntoIterator<Item = &'a Context>) -> Self {
        let mut recorded = requests.into_iter().filter_map(Context::recorded);
        let (Some(tracing), Some(first)) = (tracing(), recorded.next()) else {
            return Self { context: Context::default(), batch: None, span: None };
        };
        let links = recorded.map(|other| Link::new(other, Vec::new(), 0)).collect();
        let builder = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Internal)
            .with_start_time(SystemTime::now())
            .with_links(links);
        let trace = first.trace_id();
        let span = tracing.tracer.build_with_context(builder, &below(first));
        Self { context: Context::sampled(trace, span.span_context().span_id()), batch: None, span: Some(span) }
    }

    /// Notes how many rows the work writes, one for each request.
    #[must_use]
    pub fn writing(mut self, rows: usize) -> Self {
        self.batch = Some(rows).filter(|rows| *rows > 1);
        self
    }

    /// Runs the work. Calls that it makes are below the span, which ends with it.
    pub async fn run<F: Future>(mut self, work: F) -> F::Output {
        let current = Current { request_id: None, trace: self.context, batch: self.batch };
        let output = current.scope(work).await;
        drop(self.span.take());
        output
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(span) = &mut self.span {
            fail(span, CANCELLED.to_owned());
        }
    }
}

fn fail(span: &mut Span, kind: String) {
    span.set_attribute(KeyValue::new("error.type", kind));
    span.set_status(Status::error(""));
}

fn below(parent: SpanContext) -> SdkContext {
    SdkContext::new().with_remote_span_context(parent)
}
