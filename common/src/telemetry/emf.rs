//! CloudWatch's embedded metric format: one line a minute on standard output, made from the registry.
//!
//! Each service has one dimension, `service`, and a fixed list of metrics: every combination of dimensions is a custom
//! metric that costs. Routes and status classes stay in Prometheus.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tokio::time::{MissedTickBehavior, interval};

use super::samples::Samples;
use super::{metrics, output};
use crate::config::{Group, Optional, Vars};

const METRICS: Optional<()> = Optional::parsed(
    "METRICS",
    "`emf`",
    |text| if text == "emf" { Ok(()) } else { Err(format!("{text:?} is not emf")) },
    "no lines; `GET /metrics` is always there",
    "Write the metrics into the log once a minute, in CloudWatch's embedded metric format.",
);

/// Where metrics are written, besides `GET /metrics`.
#[derive(Debug, Clone, Copy)]
pub struct MetricsConfig {
    /// Whether they are written into the log.
    pub emf: bool,
}

impl MetricsConfig {
    /// Its variables.
    pub const VARIABLES: Group = Group { title: "Metrics", variables: &[&METRICS] };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        Self { emf: vars.read(&METRICS).is_some() }
    }
}

const INTERVAL: Duration = Duration::from_secs(60);
const NAMESPACE: &str = "Causeway";

/// A metric of CloudWatch and where its value comes from.
#[derive(Debug, Clone, Copy)]
pub struct EmfMetric {
    /// The name in CloudWatch.
    pub name: &'static str,
    /// The unit, as CloudWatch names it.
    pub unit: &'static str,
    /// The value.
    pub value: EmfValue,
}

/// Where a value comes from: the name of a Prometheus series without labels.
#[derive(Debug, Clone, Copy)]
pub enum EmfValue {
    /// How much the sum of all series of this name has grown since the last line.
    Growth(&'static str),
    /// The same for the series whose labels contain this text.
    GrowthWhere(&'static str, &'static str),
    /// The largest value of this name now.
    Now(&'static str),
    /// What this histogram of seconds has observed since the last line, in milliseconds.
    Milliseconds(&'static str),
    /// What this histogram has observed since the last line.
    Distribution(&'static str),
}

/// The metrics that every service has.
pub const COMMON: &[EmfMetric] = &[
    EmfMetric {
        name: "Requests",
        unit: "Count",
        value: EmfValue::Growth("causeway_http_request_duration_seconds_count"),
    },
    EmfMetric {
        name: "Errors",
        unit: "Count",
        value: EmfValue::GrowthWhere("causeway_http_request_duration_seconds_count", "status_class=\"5xx\""),
    },
    EmfMetric {
        name: "Latency",
        unit: "Milliseconds",
        value: EmfValue::Milliseconds("causeway_http_request_duration_seconds"),
    },
];

/// Writes a line each minute for as long as it is polled, if it is configured.
pub async fn run(config: MetricsConfig, service: &'static str, metrics: &'static [&'static [EmfMetric]]) {
    if !config.emf {
        return std::future::pending().await;
    }
    let mut writer = Writer { service, metrics, before: Samples::default() };
    writer.before = Samples::read(&metrics::to_text(false));
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let line = writer.line(&metrics::to_text(false), SystemTime::now());
        output::append(|lines| {
            lines.extend_from_slice(line.as_bytes());
            lines.push(b'\n');
        });
    }
}

struct Writer {
    service: &'static str,
    metrics: &'static [&'static [EmfMetric]],
    before: Samples,
}

impl Writer {
    /// Returns the line for what has changed since the last one.
    fn line(&mut self, text: &str, now: SystemTime) -> String {
        let samples = Samples::read(text);
        let mut values = Map::new();
        let mut directives = Vec::new();
        for metric in self.metrics.iter().copied().flatten() {
            if let Some(value) = metric.value.of(&samples, &self.before) {
                directives.push(json!({"Name": metric.name, "Unit": metric.unit}));
                values.insert(metric.name.to_owned(), value);
            }
        }
        self.before = samples;
        let timestamp = now.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis());
        let timestamp = u64::try_from(timestamp).unwrap_or(u64::MAX);
        values.insert("service".to_owned(), self.service.into());
        let directive = json!({"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": directives});
        values.insert("_aws".to_owned(), json!({"Timestamp": timestamp, "CloudWatchMetrics": [directive]}));
        Value::Object(values).to_string()
    }
}

impl EmfValue {
    /// Returns the value, or nothing if there is nothing to report.
    fn of(self, now: &Samples, before: &Samples) -> Option<Value> {
        match self {
            Self::Growth(name) => Some(json!(now.sum(name, "") - before.sum(name, ""))),
            Self::GrowthWhere(name, labels) => Some(json!(now.sum(name, labels) - before.sum(name, labels))),
            Self::Now(name) => now.largest(name).map(|value| json!(value)),
            Self::Milliseconds(name) => distribution(now, before, name, 1000.0),
            Self::Distribution(name) => distribution(now, before, name, 1.0),
        }
    }
}

/// Returns the buckets that have grown, as CloudWatch's distribution: each bucket's upper bound stands for its values.
fn distribution(now: &Samples, before: &Samples, name: &str, factor: f64) -> Option<Value> {
    let count = now.sum(&format!("{name}_count"), "") - before.sum(&format!("{name}_count"), "");
    let sum = now.sum(&format!("{name}_sum"), "") - before.sum(&format!("{name}_sum"), "");
    let (now, before) = (now.buckets(name), before.buckets(name));
    let mut below = 0.0;
    let (mut values, mut counts) = (Vec::new(), Vec::new());
    let mut last_bound = 0.0;
    for (bound, total) in now {
        let earlier = before.iter().find(|(other, _)| other.total_cmp(&bound).is_eq()).map_or(0.0, |(_, total)| *total);
        let inside = total - earlier - below;
        below += inside;
        if bound.is_finite() {
            last_bound = bound;
        }
        if inside > 0.0 {
            // What lies above the last bound is only known to be larger.
            values.push(last_bound * factor);
            counts.push(inside);
        }
    }
    let (least, most) = (*values.first()?, *values.last()?);
    Some(json!({
        "Values": values, "Counts": counts, "Min": least, "Max": most, "Count": count, "Sum": sum * factor,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTS: &[&[EmfMetric]] =
        &[COMMON, &[EmfMetric { name: "Queue", unit: "Count", value: EmfValue::Now("causeway_queue") }]];

    fn text(fast: u32, slow: u32, failed: u32) -> String {
        let name = "causeway_http_request_duration_seconds";
        let all = fast + slow;
        format!(
            "# TYPE {name} histogram\n\
             {name}_sum{{route=\"/\",status_class=\"2xx\"}} {}\n\
             {name}_count{{route=\"/\",status_class=\"2xx\"}} {all}\n\
             {name}_bucket{{le=\"0.001\",route=\"/\",status_class=\"2xx\"}} {fast}\n\
             {name}_bucket{{le=\"2.5\",route=\"/\",status_class=\"2xx\"}} {fast}\n\
             {name}_bucket{{le=\"+Inf\",route=\"/\",status_class=\"2xx\"}} {all}\n\
             {name}_sum{{route=\"/\",status_class=\"5xx\"}} 0\n\
             {name}_count{{route=\"/\",status_class=\"5xx\"}} {failed}\n\
             {name}_bucket{{le=\"0.001\",route=\"/\",status_class=\"5xx\"}} {failed}\n\
             {name}_bucket{{le=\"2.5\",route=\"/\",status_class=\"5xx\"}} {failed}\n\
             {name}_bucket{{le=\"+Inf\",route=\"/\",status_class=\"5xx\"}} {failed}\n\
             causeway_queue 7\n",
            slow * 3
        )
    }

    #[test]
    fn a_line_reports_what_has_changed_since_the_last_one() {
        let mut writer = Writer { service: "frontend-api", metrics: LISTS, before: Samples::read(&text(10, 0, 0)) };
        let line: Value = serde_json::from_str(&writer.line(&text(15, 2, 1), UNIX_EPOCH)).unwrap();
        let names = ["Requests", "Errors", "Latency", "Queue"];
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["service"]]));
        assert_eq!(
            directive["Metrics"].as_array().unwrap().iter().map(|m| m["Name"].as_str().unwrap()).collect::<Vec<_>>(),
            names
        );
        assert_eq!((&line["service"], &line["_aws"]["Timestamp"]), (&json!("frontend-api"), &json!(0)));
        assert_eq!((&line["Requests"], &line["Errors"], &line["Queue"]), (&json!(8.0), &json!(1.0), &json!(7.0)));
        let latency = json!({"Values": [1.0, 2500.0], "Counts": [6.0, 2.0], "Min": 1.0, "Max": 2500.0, "Count": 8.0, "Sum": 6000.0});
        assert_eq!(line["Latency"], latency);
    }

    #[test]
    fn a_minute_without_requests_has_no_latency() {
        let mut writer = Writer { service: "frontend-api", metrics: LISTS, before: Samples::read(&text(1, 1, 1)) };
        let line: Value = serde_json::from_str(&writer.line(&text(1, 1, 1), UNIX_EPOCH)).unwrap();
        assert_eq!(line["Requests"], json!(0.0));
        assert!(line.get("Latency").is_none(), "{line}");
    }
}
