//! Metrics: one registry per process, for Prometheus and for CloudWatch.
//!
//! A feature registers its metrics once, at start, and keeps the handles: nothing is looked up while a request is served.
//! Every label has a fixed set of values.

use std::fmt;
use std::sync::{LazyLock, PoisonError, RwLock};

use prometheus_client::encoding::{EncodeMetric, prometheus_text, text};
use prometheus_client::metrics::MetricType;
pub use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
pub use prometheus_client::metrics::family::Family;
pub use prometheus_client::metrics::gauge::Gauge;
pub use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use super::trace;

/// Every name begins with it.
const PREFIX: &str = "causeway";
/// Seconds, from half a millisecond, which a request to memory needs, to twice the usual deadline of 5 s.
const DURATIONS: [f64; 14] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Requests in a batch, up to the largest batch.
const SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

static REGISTRY: LazyLock<RwLock<Registry>> = LazyLock::new(|| RwLock::new(Registry::with_prefix(PREFIX)));

/// A histogram that names a trace for each bucket, which OpenMetrics alone shows.
pub(crate) type TracedHistogram = HistogramWithExemplars<Labels>;

/// The labels of a member of a [`Family`]: names and values.
pub type Labels = Vec<(&'static str, String)>;

/// Registers `metric` and returns it, to be kept. Prometheus adds `_total` to the name of a counter.
pub fn register<M: Metric + Clone>(name: &'static str, help: &'static str, metric: M) -> M {
    REGISTRY.write().unwrap_or_else(PoisonError::into_inner).register(name, help, metric.clone());
    metric
}

/// Registers a counter. `name` must not end with `_total`, which is added.
pub fn counter(name: &'static str, help: &'static str) -> Counter {
    register(name, help, Counter::default())
}

/// Registers a gauge.
pub fn gauge(name: &'static str, help: &'static str) -> Gauge {
    register(name, help, Gauge::default())
}

/// Registers a gauge whose value is computed when it is read.
pub fn computed_gauge(name: &'static str, help: &'static str, value: impl Fn() -> f64 + Send + Sync + 'static) {
    let mut registry = REGISTRY.write().unwrap_or_else(PoisonError::into_inner);
    registry.register(name, help, Computed(Box::new(value)));
}

/// Registers a gauge of things that are counted when it is read.
pub fn counted_gauge(name: &'static str, help: &'static str, count: impl Fn() -> usize + Send + Sync + 'static) {
    computed_gauge(name, help, move || f64::from(u32::try_from(count()).unwrap_or(u32::MAX)));
}

/// Registers a histogram of seconds.
pub fn durations(name: &'static str, help: &'static str) -> Histogram {
    register(name, help, Histogram::new(DURATIONS))
}

/// Registers a histogram of how many requests a batch has.
pub fn sizes(name: &'static str, help: &'static str) -> Histogram {
    register(name, help, Histogram::new(SIZES))
}

/// Returns a histogram of seconds, for a [`Family`].
pub(crate) fn new_traced_durations() -> TracedHistogram {
    TracedHistogram::new(DURATIONS.into_iter())
}

/// Returns the labels of an exemplar, if the trace is recorded.
pub(crate) fn exemplar(context: trace::Context) -> Option<Labels> {
    let (trace, span) = (context.trace_id()?, context.span_id()?);
    Some(vec![("trace_id", trace.to_string()), ("span_id", span.to_string())])
}

/// Registers the version of this program.
pub fn register_build(service: &'static str, version: &'static str) {
    let info = Info::new(vec![("service", service), ("version", version)]);
    REGISTRY.write().unwrap_or_else(PoisonError::into_inner).register("build", "The program that runs", info);
}

/// Returns all metrics, in the format of OpenMetrics 1.0 or of Prometheus 0.0.4.
pub fn to_text(open_metrics: bool) -> String {
    let registry = REGISTRY.read().unwrap_or_else(PoisonError::into_inner);
    let mut out = String::new();
    let written =
        if open_metrics { text::encode(&mut out, &registry) } else { prometheus_text::encode(&mut out, &registry) };
    written.expect("memory takes any text");
    out
}

struct Computed(Box<dyn Fn() -> f64 + Send + Sync>);

impl fmt::Debug for Computed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Computed")
    }
}

impl EncodeMetric for Computed {
    fn encode(&self, mut encoder: prometheus_client::encoding::MetricEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.encode_gauge(&(self.0)())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_have_every_kind_of_metric() {
        counter("test_events", "Events").inc_by(3);
        gauge("test_level", "The level").set(-2);
        computed_gauge("test_age_seconds", "The age", || 1.5);
        durations("test_wait_seconds", "The wait").observe(0.003);
        let family: Family<Labels, Counter> = register("test_outcomes", "By outcome", Family::default());
        family.get_or_create_owned(&vec![("outcome", "ok".to_owned())]).inc();
        for text in [to_text(false), to_text(true)] {
            for line in [
                "causeway_test_events_total 3",
                "causeway_test_level -2",
                "causeway_test_age_seconds 1.5",
                "causeway_test_wait_seconds_bucket{le=\"0.0025\"} 0",
                "causeway_test_wait_seconds_bucket{le=\"0.005\"} 1",
                "causeway_test_wait_seconds_count 1",
                "causeway_test_outcomes_total{outcome=\"ok\"} 1",
            ] {
                assert!(text.lines().any(|other| other == line), "{line}: {text}");
            }
        }
        assert!(to_text(true).ends_with("# EOF\n"));
    }
}
