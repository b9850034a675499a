//! A collector of traces: takes OTLP over gRPC, and keeps the spans for the test.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, server::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use otlp::span::SpanKind;

/// Names and values; numbers as text.
pub type Attributes = BTreeMap<String, String>;

/// A span as it arrived. Ids are hexadecimal.
#[derive(Debug, Clone)]
pub struct Span {
    /// Of the process that made it.
    pub resource: Attributes,
    /// What was done.
    pub name: String,
    /// Who did it for whom.
    pub kind: SpanKind,
    /// The trace's id.
    pub trace: String,
    /// The span's own id.
    pub id: String,
    /// Empty without one.
    pub parent: String,
    /// Of the span itself.
    pub attributes: Attributes,
    /// The ids of the spans that it links to.
    pub links: Vec<String>,
    /// How many more links it would have.
    pub dropped_links: u32,
    /// Whether its status is an error.
    pub failed: bool,
    /// Nanoseconds since 1970.
    pub times: (u64, u64),
}

impl Span {
    /// Returns an attribute, or an empty text.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// Returns the name of the service that made it.
    pub fn service(&self) -> &str {
        self.resource.get("service.name").map_or("", String::as_str)
    }
}

/// A running collector. It ends when it is dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    spans: watch::Receiver<Vec<Span>>,
    accepting: JoinHandle<()>,
}

impl Collector {
    /// Starts it on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (sender, spans) = watch::channel(Vec::new());
        let accepting = tokio::spawn(accept(listener, Arc::new(sender)));
        Self { address, spans, accepting }
    }

    /// Returns the value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns all spans that have arrived.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.borrow().clone()
    }

    /// Waits until the spans are `enough`, and returns them.
    pub async fn wait_for(&self, enough: impl Fn(&[Span]) -> bool, deadline: Duration) -> Vec<Span> {
        let mut spans = self.spans.clone();
        let arrived = timeout(deadline, spans.wait_for(|spans| enough(spans))).await;
        let arrived = arrived.map(|spans| spans.expect("the collector runs").clone());
        arrived.unwrap_or_else(|_| panic!("not enough spans within {deadline:?}: {:#?}", self.spans()))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, spans: Arc<watch::Sender<Vec<Span>>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let spans = spans.clone();
        let service = service_fn(move |request| export(request, spans.clone()));
        // An error is its client's affair: the connection is closed.
        connections.spawn(async move {
            http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await.ok();
        });
        while connections.try_join_next().is_some() {}
    }
}

/// `TraceService.Export`: a message is five bytes, of which four are the length, and the message.
async fn export(
    request: Request<Incoming>,
    spans: Arc<watch::Sender<Vec<Span>>>,
) -> Result<Response<impl hyper::body::Body<Data = Bytes, Error = Infallible>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let message = ExportTraceServiceRequest::decode(body.slice(5..)).expect("the exporter sends OTLP");
    spans.send_modify(|spans| spans.extend(read(message)));
    let trailers = HeaderMap::from_iter([("grpc-status".parse().expect("a name"), HeaderValue::from_static("0"))]);
    let body = Full::new(Bytes::from_static(&[0; 5])).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(response)
}

fn read(message: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for group in message.resource_spans {
        let resource = attributes(group.resource.unwrap_or_default().attributes);
        for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(read_span(resource.clone(), span));
        }
    }
    spans
}

fn read_span(resource: Attributes, span: otlp::Span) -> Span {
    Span {
        resource,
        kind: span.kind(),
        name: span.name,
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        attributes: attributes(span.attributes),
        links: span.links.iter().map(|link| hex(&link.span_id)).collect(),
        dropped_links: span.dropped_links_count,
        failed: span.status.is_some_and(|status| status.code() == otlp::status::StatusCode::Error),
        times: (span.start_time_unix_nano, span.end_time_unix_nano),
    }
}

fn attributes(list: Vec<KeyValue>) -> Attributes {
    list.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("memory takes any text");
        text
    })
}
