//! The service's configuration, all of it from environment variables.

use std::time::Duration;

use causeway_common::config::{ConfigErrors, Lookup, Vars};
use causeway_common::http::server::ServerConfig;
use causeway_common::telemetry::LogConfig;
use url::Url;

/// Everything that can be set.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub server: ServerConfig,
    /// How to log.
    pub log: LogConfig,
    /// Where the identity comes from.
    pub metadata: MetadataConfig,
}

/// How to ask the ECS task metadata endpoint.
#[derive(Debug)]
pub struct MetadataConfig {
    /// `ECS_CONTAINER_METADATA_URI_V4`: set by ECS. Not set: the service starts and answers 503, saying so.
    pub endpoint: Option<Url>,
    /// `METADATA_TIMEOUT_MS`: how long one read of the endpoint, both its documents, may take; default 1000.
    pub timeout: Duration,
    /// `METADATA_REFRESH_MS`: the least time between two reads once there is a complete answer; default 5000. A read
    /// is two requests: 250 ms, the minimum, leaves four fifths of the endpoint's 40 requests a second to others.
    pub refresh: Duration,
}

impl Config {
    /// The configuration that `lookup` holds, or all the mistakes in it.
    pub fn load(lookup: &dyn Lookup) -> Result<Self, ConfigErrors> {
        let mut vars = Vars::new(lookup);
        let config = Self::read(&mut vars);
        vars.finish(Some(config))
    }

    /// Reads everything; `vars` gathers the mistakes.
    pub fn read(vars: &mut Vars<'_>) -> Self {
        Self { server: ServerConfig::load(vars), log: LogConfig::load(vars), metadata: MetadataConfig::read(vars) }
    }
}

impl MetadataConfig {
    fn read(vars: &mut Vars<'_>) -> Self {
        Self {
            endpoint: vars.parsed("ECS_CONTAINER_METADATA_URI_V4", endpoint),
            timeout: vars.milliseconds("METADATA_TIMEOUT_MS", 1000),
            refresh: Duration::from_millis(vars.number("METADATA_REFRESH_MS", 5000, 250..=600_000)),
        }
    }
}

/// The value is not repeated: it could hold a password by mistake.
fn endpoint(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text).map_err(|error| format!("is not a URL such as http://169.254.170.2/v4/<id>: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// (or https://)".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or a fragment: /task is appended to it".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

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

    #[test]
    fn a_password_in_the_endpoint_is_not_repeated_in_the_mistake() {
        for text in ["http://user:hunter2@host:port/v4/1", "ftp://user:hunter2@host/", "http://u:hunter2@h/?q"] {
            let mistake = endpoint(text).unwrap_err();
            assert!(!mistake.contains("hunter2"), "{mistake}");
        }
    }
}
