//! Puts the parts together and runs them.

use std::sync::Arc;

use actix_web::web::Data;
use causeway_common::http::{client, server};
use causeway_common::shutdown::{self, Draining};
use causeway_common::telemetry;

use crate::config::Config;
use crate::database::{CredentialsProvider, Database, supervisor};
use crate::doctor::{self, Doctor};
use crate::private_service::PrivateService;
use crate::{routes, visits};

/// Opens the port first; the database is connected in the background, and until then its routes answer 503.
///
/// # Errors
/// When the port can't be opened or the server fails.
pub async fn run(config: Config) -> std::io::Result<()> {
    telemetry::init(config.log)?;
    let shutdown = shutdown::requested()?;
    let listener = config.server.bind()?;
    client::install_tls_provider();

    let credentials = Arc::new(CredentialsProvider::new(config.credentials));
    let database_config = Arc::new(config.database);
    let database = Database::new(database_config.clone(), credentials.clone());
    let (visits, tasks) = visits::new(&config.visits, database.clone());
    let migrations = vec![config.visits.table.migrations()];
    let url = config.private_service.url.clone();
    let doctor = Doctor::new(config.doctor, database_config, config.visits.table, credentials, url);
    let doctor = Data::new(doctor.map_err(std::io::Error::other)?);
    doctor::handlers::announce(&config.access);
    let access = Data::new(config.access);
    let private_service = Data::new(PrivateService::new(config.private_service));

    let supervisor = tokio::spawn(supervisor::run(database.clone(), migrations));
    let watch = tokio::spawn(doctor::watch::run(doctor.clone().into_inner(), database.clone()));
    let single_worker = config.server.workers == 1;
    if !single_worker {
        // With several, a worker may end while another still waits for an answer; this thread outlives them all.
        tasks.start_once();
    }
    let result = server::run(listener, &config.server, Arc::new(Draining::default()), shutdown, move |routes| {
        if single_worker {
            tasks.start_once();
        }
        routes
            .app_data(Data::new(visits.clone()))
            .app_data(Data::new(database.clone()))
            .app_data(private_service.clone())
            .app_data(doctor.clone())
            .app_data(access.clone());
        routes::mount(routes);
    })
    .await;
    supervisor.abort();
    watch.abort();
    result
}
