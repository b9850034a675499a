//! The SDK: started before the port opens, ended after the last request.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceId, TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, Sampler, SdkTracer, SdkTracerProvider};
use tokio::sync::oneshot;
use tokio::time::timeout;
use url::Url;

use super::config::TraceConfig;
use super::ecs;
use super::export::{self, Watched};
use super::headers::Propagator;
use super::sampling::Sampling;

/// How long the end of the process waits for the collector to take the last spans.
pub(crate) const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

static TRACING: OnceLock<Tracing> = OnceLock::new();

/// What there is if traces are configured.
pub(super) struct Tracing {
    provider: SdkTracerProvider,
    pub(super) tracer: SdkTracer,
    pub(super) sampling: Sampling,
    pub(super) propagators: Box<[Propagator]>,
}

/// The program that is traced.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The name of its node.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Whether all its callers are services of ours, whose decisions to trace are followed without a limit.
    pub trusts_callers: bool,
}

/// Returns what was started, or `None` if nothing is traced.
pub(super) fn tracing() -> Option<&'static Tracing> {
    TRACING.get()
}

/// Starts tracing, if it is configured. Call it once, on the runtime that lives longest, because that runtime runs the
/// channel to the collector. `metadata` is the ECS task metadata endpoint, which identifies the task.
///
/// # Errors
/// When the exporter can't be made.
pub async fn start(config: TraceConfig, service: Service, metadata: Option<&Url>) -> std::io::Result<()> {
    export::register_metrics();
    let Some(collector) = config.collector else { return Ok(()) };
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(collector.endpoint.as_str())
        .with_timeout(collector.timeout)
        .build()
        .map_err(std::io::Error::other)?;
    let known = [KeyValue::new("service.name", service.name), KeyValue::new("service.version", service.version)];
    let told = config.attributes.into_iter().map(|(name, value)| KeyValue::new(name, value));
    let name = config.service_name.map(|name| KeyValue::new("service.name", name));
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(known)
        .with_attributes(ecs::attributes(metadata).await)
        .with_attributes(told)
        .with_attributes(name)
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(Watched::new(exporter))
        // Spans are only started for what is recorded.
        .with_sampler(Sampler::AlwaysOn)
        .with_id_generator(Ids)
        .with_resource(resource)
        .build();
    let origin = collector.endpoint.origin().ascii_serialization();
    tracing::info!(endpoint = origin, sampler = ?config.sampler, "tracing");
    let tracer = provider.tracer("causeway");
    let sampling = Sampling::new(config.sampler, service.trusts_callers);
    TRACING.get_or_init(|| Tracing { provider, tracer, sampling, propagators: config.propagators.into() });
    Ok(())
}

/// Sends the last spans, within three seconds. Spans that are still under way are lost.
pub async fn shut_down() {
    let Some(tracing) = tracing() else { return };
    let (done, ended) = oneshot::channel();
    // Not on this thread, whose runtime has the channel to the collector, nor on one of those for blocking work, which the
    // runtime would wait for.
    let thread = std::thread::Builder::new().name("last spans".to_owned()).spawn(|| {
        let result = tracing.provider.shutdown_with_timeout(SHUTDOWN_LIMIT);
        // An error means that it took too long.
        let _ = done.send(result);
    });
    match (thread, timeout(SHUTDOWN_LIMIT, ended).await) {
        (Ok(_), Ok(Ok(Ok(())))) => {}
        (Err(error), _) => tracing::warn!(%error, "the last spans were lost"),
        (_, Ok(Ok(Err(error)))) => tracing::warn!(%error, "the last spans were lost"),
        (_, Ok(Err(_)) | Err(_)) => {
            tracing::warn!("the last spans were lost: the collector did not accept them in time");
        }
    }
}

thread_local! {
    /// The id of the trace whose first span is about to be started on this thread.
    static NEXT: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// Gives the next trace that is started on this thread this id.
pub(super) fn set_next_trace(id: TraceId) {
    NEXT.set(Some(id));
}

/// Random ids, except for traces whose id is already decided.
#[derive(Debug)]
struct Ids;

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        NEXT.take().unwrap_or_else(|| RandomIdGenerator::default().new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        RandomIdGenerator::default().new_span_id()
    }
}
