//! The service from start to stop.

use causeway_common::http::server;
use causeway_common::tasks::Tasks;
use causeway_common::{shutdown, telemetry};

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::routes::routes;
use crate::task_metadata::TaskMetadata;

/// Serves until told to stop.
pub async fn run(config: Config) -> std::io::Result<()> {
    telemetry::init(config.log)?;
    let shutdown = shutdown::requested()?;
    let metadata = TaskMetadata::new(&config.metadata).map_err(std::io::Error::other)?;
    let listener = config.server.bind()?;
    let routes = routes(metadata, Catalogue::new(config.catalogue));
    server::run(listener, &config.server, shutdown, Tasks::default(), routes).await
}
