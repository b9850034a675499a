//! The service's configuration, all of it from environment variables.

use std::time::Duration;

use causeway_common::config::{Configuration, Group, Optional, Var, Vars};
use causeway_common::http::access::Access;
use causeway_common::http::server::ServerConfig;
use causeway_common::telemetry::{LogConfig, MetricsConfig, TraceConfig, trace};
use url::Url;

use crate::catalogue::CatalogueConfig;

const ECS_CONTAINER_METADATA_URI_V4: Optional<Url> = Optional::parsed(
    "ECS_CONTAINER_METADATA_URI_V4",
    "an http or https URL",
    trace::metadata_endpoint,
    "`/` answers 503",
    "The task metadata endpoint; ECS sets it in every container.",
);
const METADATA_TIMEOUT_MS: Var<Duration> = Var::milliseconds(
    "METADATA_TIMEOUT_MS",
    1000,
    1..=600_000,
    "Limit of one read of the endpoint, both documents together.",
);
/// A read is two requests. At the minimum of 250 ms, reads use a fifth of the endpoint's 40 requests a second.
const METADATA_REFRESH_MS: Var<Duration> = Var::milliseconds(
    "METADATA_REFRESH_MS",
    5000,
    250..=600_000,
    "How old a complete answer may get before the endpoint is read again.",
);

/// Everything that can be set.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub server: ServerConfig,
    /// How to log.
    pub log: LogConfig,
    /// Who may read the metrics.
    pub access: Access,
    /// Where metrics are written.
    pub metrics: MetricsConfig,
    /// Whether and how to trace.
    pub trace: TraceConfig,
    /// Where the identity comes from.
    pub metadata: MetadataConfig,
    /// Which books and authors to serve.
    pub catalogue: CatalogueConfig,
}

/// How to ask the ECS task metadata endpoint.
#[derive(Debug)]
pub struct MetadataConfig {
    /// Without an endpoint the service starts and answers 503.
    pub endpoint: Option<Url>,
    /// Limit of one read of the endpoint.
    pub timeout: Duration,
    /// The least time between two reads once there is a complete answer.
    pub refresh: Duration,
}

impl Configuration for Config {
    const SERVICE: &'static str = "private-service";
    const VARIABLES: &'static [Group] = &[
        ServerConfig::VARIABLES,
        Access::VARIABLES,
        LogConfig::VARIABLES,
        MetricsConfig::VARIABLES,
        TraceConfig::VARIABLES,
        MetadataConfig::VARIABLES,
        CatalogueConfig::VARIABLES,
    ];

    fn read(vars: &mut Vars<'_>) -> Option<Self> {
        let (server, access) = (ServerConfig::load(vars), Access::load(vars));
        let (log, metrics, trace) = (LogConfig::load(vars), MetricsConfig::load(vars), TraceConfig::load(vars));
        let (metadata, catalogue) = (MetadataConfig::load(vars), CatalogueConfig::load(vars));
        Some(Self { server, log, access, metrics, trace, metadata, catalogue })
    }

    fn server(&self) -> &ServerConfig {
        &self.server
    }
}

impl MetadataConfig {
    /// Its variables.
    pub const VARIABLES: Group = Group {
        title: "Task metadata",
        variables: &[&ECS_CONTAINER_METADATA_URI_V4, &METADATA_TIMEOUT_MS, &METADATA_REFRESH_MS],
    };

    /// Reads [`Self::VARIABLES`].
    fn load(vars: &mut Vars<'_>) -> Self {
        Self {
            endpoint: vars.read(&ECS_CONTAINER_METADATA_URI_V4),
            timeout: vars.read(&METADATA_TIMEOUT_MS),
            refresh: vars.read(&METADATA_REFRESH_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use causeway_common::config::list;

    use super::*;

    #[test]
    fn the_list_has_every_variable_that_is_read_and_no_other() {
        let lookup = BTreeMap::new();
        let mut vars = Vars::new(&lookup);
        Config::read(&mut vars);
        let listed: BTreeSet<_> = list::names(Config::VARIABLES).collect();
        assert_eq!(vars.known().collect::<BTreeSet<_>>(), listed);
    }

    #[test]
    fn every_mistake_is_found_in_one_go() {
        let lookup = BTreeMap::from([
            ("ECS_CONTAINER_METADATA_URI_V4", "ftp://169.254.170.2/v4/1"),
            ("METADATA_TIMEOUT_MS", "soon"),
            ("METADATA_REFRESH_MS", "249"),
        ]);
        let mistakes = Config::load(&lookup).unwrap_err();
        let names: Vec<_> = mistakes.0.iter().map(|mistake| mistake.variable).collect();
        assert_eq!(names, ["ECS_CONTAINER_METADATA_URI_V4", "METADATA_TIMEOUT_MS", "METADATA_REFRESH_MS"]);
    }
}
