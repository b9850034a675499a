//! The service from start to stop.

use causeway_common::config::Configuration;
use causeway_common::http::server;
use causeway_common::tasks::Tasks;
use causeway_common::telemetry::emf::{self, EmfMetric, EmfValue};
use causeway_common::telemetry::{metrics, trace};
use causeway_common::{shutdown, telemetry};

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::routes::routes;
use crate::task_metadata::TaskMetadata;

/// What CloudWatch gets of the metrics that only this service has.
const CLOUDWATCH: &[EmfMetric] = &[
    EmfMetric { name: "TaskMetadataAge", unit: "Seconds", value: EmfValue::Now("causeway_task_metadata_age_seconds") },
    EmfMetric { name: "TaskMetadataFailing", unit: "Count", value: EmfValue::Now("causeway_task_metadata_failing") },
];

/// Serves until a signal stops it.
pub async fn run(config: Config) -> std::io::Result<()> {
    telemetry::init(config.log)?;
    let shutdown = shutdown::requested()?;
    let metadata = TaskMetadata::new(&config.metadata).map_err(std::io::Error::other)?;
    metrics::register_build(Config::SERVICE, env!("CARGO_PKG_VERSION"));
    metadata.register_metrics();
    let listener = config.server.bind()?;
    // Only services of ours can reach this one.
    let service = trace::Service { name: Config::SERVICE, version: env!("CARGO_PKG_VERSION"), trusts_callers: true };
    trace::start(config.trace, service, config.metadata.endpoint.as_ref()).await?;
    let mut tasks = Tasks::default();
    tasks.spawn("metrics", emf::run(config.metrics, Config::SERVICE, &[emf::COMMON, CLOUDWATCH]));
    let routes = routes(config.access, metadata, Catalogue::new(config.catalogue));
    server::run(listener, &config.server, shutdown, tasks, routes).await
}
