//! Whether and how to trace, by OpenTelemetry's own variables.

use std::time::Duration;

use url::Url;

use super::headers::Propagator;
use super::sampling::Sampler;
use super::variables::{self as v, Share};
use crate::config::{Group, Vars};

/// Where a collector listens by default.
const LOCAL_COLLECTOR: &str = "http://localhost:4317";

/// What the variables say. Without an endpoint nothing is traced.
#[derive(Debug)]
pub struct TraceConfig {
    pub(super) collector: Option<Collector>,
    pub(super) sampler: Sampler,
    pub(super) propagators: Vec<Propagator>,
    pub(super) service_name: Option<String>,
    pub(super) attributes: Vec<(String, String)>,
}

/// Where spans go.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) endpoint: Url,
    pub(super) timeout: Duration,
}

impl TraceConfig {
    /// Its variables.
    pub const VARIABLES: Group = v::GROUP;

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        for number in v::NUMBERS {
            vars.read(*number);
        }
        for fixed in v::FIXED {
            vars.read(*fixed);
            vars.not_empty(*fixed);
        }
        for flag in v::FLAGS {
            vars.read(*flag);
        }
        for secret in v::SECRETS {
            vars.read(*secret);
        }
        let ((parent_based, share), argument) = (vars.read(&v::SAMPLER), vars.read(&v::SAMPLER_ARG));
        let ratio = match share {
            Share::All => 1.0,
            Share::None => 0.0,
            Share::Ratio => argument,
        };
        Self {
            collector: collector(vars),
            sampler: Sampler { ratio, parent_based },
            propagators: vars.read(&v::PROPAGATORS),
            service_name: vars.read(&v::SERVICE_NAME),
            attributes: vars.read(&v::RESOURCE_ATTRIBUTES),
        }
    }
}

fn collector(vars: &mut Vars<'_>) -> Option<Collector> {
    let (disabled, exporter) = (vars.read(&v::SDK_DISABLED), vars.read(&v::TRACES_EXPORTER));
    let (all, traces) = (vars.read(&v::ENDPOINT), vars.read(&v::TRACES_ENDPOINT));
    let timeout = vars.read(&v::TIMEOUT);
    let timeout = vars.read(&v::TRACES_TIMEOUT).map_or(timeout, Duration::from_millis);
    let local = || Url::parse(LOCAL_COLLECTOR).expect("the constant is a URL");
    let endpoint = traces.or(all).or_else(|| (exporter == Some(true)).then(local))?;
    (!disabled && exporter != Some(false)).then_some(Collector { endpoint, timeout })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn load(set: &[(&str, &str)]) -> Result<TraceConfig, Vec<&'static str>> {
        let lookup: BTreeMap<_, _> = set.iter().copied().collect();
        let mut vars = Vars::new(&lookup);
        let config = TraceConfig::load(&mut vars);
        vars.finish(Some(config)).map_err(|errors| errors.0.iter().map(|error| error.variable).collect())
    }

    fn endpoint(set: &[(&str, &str)]) -> Option<String> {
        load(set).unwrap().collector.map(|collector| collector.endpoint.to_string())
    }

    #[test]
    fn nothing_runs_unless_a_collector_is_named_and_not_switched_off() {
        const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:1");
        assert_eq!(endpoint(&[]), None);
        assert_eq!(endpoint(&[("OTEL_TRACES_SAMPLER", "always_on"), ("OTEL_SERVICE_NAME", "x")]), None);
        assert_eq!(endpoint(&[ENDPOINT]).unwrap(), "http://collector:1/");
        assert_eq!(endpoint(&[("OTEL_TRACES_EXPORTER", "otlp")]).unwrap(), "http://localhost:4317/");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:2");
        assert_eq!(endpoint(&[ENDPOINT, traces]).unwrap(), "http://traces:2/");
        assert_eq!(endpoint(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]), None);
        assert_eq!(endpoint(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]), None);
        assert!(endpoint(&[ENDPOINT, ("OTEL_SDK_DISABLED", "false")]).is_some());
    }

    #[test]
    fn the_sampler_is_one_of_the_standards_six() {
        let sampler = |name, argument| {
            let config = load(&[("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)]).unwrap();
            (config.sampler.parent_based, config.sampler.ratio)
        };
        for (name, expected) in [
            ("", (true, 1.0)),
            ("always_on", (false, 1.0)),
            ("always_off", (false, 0.0)),
            ("traceidratio", (false, 0.05)),
            ("parentbased_always_on", (true, 1.0)),
            ("parentbased_always_off", (true, 0.0)),
            ("parentbased_traceidratio", (true, 0.05)),
        ] {
            assert_eq!(sampler(name, "0.05"), expected, "{name}");
        }
    }

    #[test]
    fn what_is_not_known_is_a_mistake_and_not_a_default() {
        for (name, value) in [
            ("OTEL_SDK_DISABLED", "yes"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_PROPAGATORS", "tracecontext,b3"),
            ("OTEL_PROPAGATORS", "none,xray"),
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_TRACES_SAMPLER_ARG", "5"),
            ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_INSECURE", "maybe"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
            ("OTEL_SPAN_LINK_COUNT_LIMIT", "-1"),
        ] {
            assert_eq!(load(&[(name, value)]).unwrap_err(), [name], "{value}");
        }
    }
}
