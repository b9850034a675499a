//! How spans reach the collector, and what is reported when they do not.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::telemetry::chain;
use crate::telemetry::metrics::{self, Counter};

static EXPORTED: LazyLock<Counter> =
    LazyLock::new(|| metrics::counter("trace_spans_exported", "Spans that the collector accepted"));
static FAILED: LazyLock<Counter> =
    LazyLock::new(|| metrics::counter("trace_spans_failed", "Spans that the collector did not accept"));

/// Registers the metrics.
pub(super) fn register_metrics() {
    LazyLock::force(&EXPORTED);
    LazyLock::force(&FAILED);
}

/// Counts the spans, and logs when the collector begins to fail and when it recovers. The SDK itself logs nothing.
#[derive(Debug)]
pub(super) struct Watched<E> {
    exporter: E,
    failing: AtomicBool,
}

impl<E> Watched<E> {
    pub(super) fn new(exporter: E) -> Self {
        Self { exporter, failing: AtomicBool::new(false) }
    }
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let result = self.exporter.export(batch).await;
        match &result {
            Ok(()) => {
                EXPORTED.inc_by(spans);
                if self.failing.swap(false, Relaxed) {
                    tracing::info!(target: "opentelemetry", "the collector accepts spans again");
                }
            }
            Err(error) => {
                FAILED.inc_by(spans);
                if !self.failing.swap(true, Relaxed) {
                    tracing::warn!(target: "opentelemetry", cause = chain(error), "the collector accepts no spans");
                }
            }
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
