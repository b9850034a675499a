//! The span of a request that is served.

use opentelemetry::trace::{Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags};
use opentelemetry::trace::{TraceState, Tracer};
use opentelemetry::{Context as SdkContext, KeyValue};
use opentelemetry_sdk::trace::Span;

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
