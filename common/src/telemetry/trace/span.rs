//! Spans: of a request that is served, of a call to another service, and of work for several requests at once.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags};
use opentelemetry::trace::{TraceState, Tracer};
use opentelemetry::{Context as SdkContext, KeyValue, Value};
use opentelemetry_sdk::trace::Span;
use url::Url;

use super::current::{Current, current};
use super::headers::Incoming;
use super::ids::Context;
use super::provider::{Tracing, set_next_trace, tracing};

/// A request that is served. If it is dropped before it is answered, its span ends there.
pub(crate) struct Server {
    context: Context,
    span: Option<Span>,
}

/// What is known of a request once it is answered.
pub(crate) struct Answered<'a> {
    pub(crate) route: Option<&'a str>,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) scheme: &'static str,
    pub(crate) host: Option<&'a str>,
    pub(crate) client: Option<std::net::IpAddr>,
    pub(crate) user_agent: Option<&'a str>,
}

impl Server {
    /// Decides whether the request is traced, and starts its span if so.
    pub(crate) fn begin(incoming: Option<Incoming>, method: &str) -> Self {
        match tracing() {
            Some(tracing) => Self::decide(tracing, incoming, method),
            None => Self { context: incoming.map_or_else(Context::default, Incoming::unrecorded), span: None },
        }
    }

    fn decide(tracing: &Tracing, incoming: Option<Incoming>, method: &str) -> Self {
        let decision = tracing.sampling.decide(incoming);
        if !decision.sampled {
            let span = decision.parent.unwrap_or(decision.random);
            return Self { context: Context::unsampled(decision.trace, span), span: None };
        }
        let parent = match decision.parent {
            Some(parent) => {
                let state = TraceState::default();
                let caller = SpanContext::new(decision.trace, parent, TraceFlags::SAMPLED, true, state);
                SdkContext::new().with_remote_span_context(caller)
            }
            None => {
                set_next_trace(decision.trace);
                SdkContext::new()
            }
        };
        let method = known_method(method);
        let builder = SpanBuilder::from_name(method)
            .with_kind(SpanKind::Server)
            .with_attributes([KeyValue::new("http.request.method", method)]);
        let span = tracing.tracer.build_with_context(builder, &parent);
        let context = Context::sampled(decision.trace, span.span_context().span_id());
        Self { context, span: Some(span) }
    }

    pub(crate) fn context(&self) -> Context {
        self.context
    }

    /// Ends the span.
    pub(crate) fn end<'a>(self, method: &str, answered: impl FnOnce() -> Answered<'a>) {
        let Some(mut span) = self.span else { return };
        let answered = answered();
        if let Some(route) = answered.route {
            span.update_name(format!("{} {route}", known_method(method)));
        }
        span.set_attributes(answered.attributes());
        if answered.status >= 500 {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

impl Answered<'_> {
    fn attributes(&self) -> Vec<KeyValue> {
        let (host, port) = self.host.map(split_port).unzip();
        let failed = self.status >= 500;
        let text = |name: &'static str, value: Option<&str>| value.map(|value| KeyValue::new(name, value.to_owned()));
        [
            text("http.route", self.route),
            text("url.path", Some(self.path)),
            Some(KeyValue::new("url.scheme", self.scheme)),
            Some(KeyValue::new("http.response.status_code", i64::from(self.status))),
            failed.then(|| KeyValue::new("error.type", self.status.to_string())),
            text("server.address", host),
            port.flatten().map(|port| KeyValue::new("server.port", i64::from(port))),
            self.client.map(|client| KeyValue::new("client.address", client.to_string())),
            text("user_agent.original", self.user_agent),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A method's name, or `_OTHER`: a caller must not choose the names of spans.
fn known_method(method: &str) -> &'static str {
    const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

fn split_port(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => (name, port.parse().ok()),
        _ => (host, None),
    }
}

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

/// A call to something else. Its span ends when this is dropped.
#[derive(Default)]
pub struct Client {
    parent: Context,
    span: Option<Span>,
}

impl Client {
    /// Starts the span of a call that the running task makes, if its request is traced. Work in the background has no
    /// request and no span.
    pub fn start(call: impl FnOnce() -> Call) -> Self {
        let parent = current();
        let (Some(tracing), Some(recorded)) = (tracing(), parent.recorded()) else {
            return Self { parent, span: None };
        };
        let call = call();
        let mut attributes = vec![KeyValue::new("peer.service", call.peer)];
        attributes.extend(call.attributes.into_iter().map(|(name, value)| KeyValue::new(name, value)));
        let builder = SpanBuilder::from_name(call.name).with_kind(SpanKind::Client).with_attributes(attributes);
        let span = tracing.tracer.build_with_context(builder, &below(recorded));
        Self { parent, span: Some(span) }
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

    /// Adds the status of an HTTP answer, and from 400 on that the call failed.
    pub fn answered(&mut self, status: u16) {
        self.set("http.response.status_code", i64::from(status));
        if status >= 400 {
            self.failed(|| status.to_string());
        }
    }

    /// Notes that the call failed. `kind` must be one of few values, and none of what the callee or a caller says.
    pub fn failed(&mut self, kind: impl FnOnce() -> String) {
        if let Some(span) = &mut self.span {
            span.set_attribute(KeyValue::new("error.type", kind()));
            span.set_status(Status::error(""));
        }
    }
}

/// Work that is done for several requests at once: a child of the first one that is traced, with links to the others.
/// Without a traced request there is no span.
pub struct Shared {
    context: Context,
    batch: Option<usize>,
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
    pub async fn run<F: Future>(self, work: F) -> F::Output {
        let current = Current { request_id: None, trace: self.context, batch: self.batch };
        let output = current.scope(work).await;
        drop(self.span);
        output
    }
}

fn below(parent: SpanContext) -> SdkContext {
    SdkContext::new().with_remote_span_context(parent)
}
