//! Puts the parts together and runs them.

use std::sync::Arc;

use actix_web::web::Data;
use causeway_common::config::Configuration;
use causeway_common::http::server;
use causeway_common::tasks::Tasks;
use causeway_common::telemetry::{emf, metrics, trace};
use causeway_common::{shutdown, telemetry, tls};

use crate::auth::{self, Auth};
use crate::aws::Aws;
use crate::config::Config;
use crate::database::{CredentialsProvider, Database, Migrations, supervisor};
use crate::diaries::{self, Diaries};
use crate::doctor::{self, DatabaseDependency, Dependencies, Doctor, ServiceTables, Tables};
use crate::metrics::CLOUDWATCH;
use crate::private_service::PrivateService;
use crate::routes;
use crate::sessions::Sessions;
use crate::users::{self, Users};
use crate::visits::{TableName, Visits};

/// Returns the changes of the schema of each feature, in the order in which they are applied.
pub fn migrations(visits: &TableName) -> Vec<Migrations> {
    vec![visits.migrations(), users::migrations(), auth::migrations(), diaries::migrations()]
}

/// Opens the port first. The database is connected in the background; until then its routes respond with 503.
///
/// # Errors
/// When the port can't be opened, the server fails, or a background task ends early.
pub async fn run(config: Config) -> std::io::Result<()> {
    telemetry::init(config.log)?;
    let shutdown = shutdown::requested()?;
    let listener = config.server.bind()?;
    tls::install_provider();
    let service = trace::Service { name: Config::SERVICE, version: env!("CARGO_PKG_VERSION"), trusts_callers: false };
    trace::start(config.trace, service, config.task_metadata.as_ref()).await?;

    let mut tasks = Tasks::default();
    let aws = Arc::new(Aws::default());
    let credentials = Arc::new(CredentialsProvider::new(config.credentials, aws.clone()));
    let database_config = Arc::new(config.database);
    let database = Database::new(database_config.clone(), credentials.clone(), tasks.place());
    let migrations = migrations(&config.visits.table);
    let tables = ServiceTables::new(config.visits.table.clone(), &migrations);
    tasks.spawn("database", supervisor::run(database.clone(), migrations));
    let visits = Data::new(Visits::new(&config.visits, &database, &mut tasks));
    let queue = (config.visits.queue_capacity, config.visits.request_timeout);
    let auth = Data::new(Auth::new(&config.auth, queue, &database, &mut tasks));
    let users = Data::new(Users::new(&config.users, &database, &auth, &mut tasks));
    let sessions = Data::new(Sessions::new(&database, &auth, &users));
    let s3 = config.diaries.storage(&aws);
    let diaries = Diaries::new(&config.diaries, s3.clone(), queue, (&database, &auth), users.deleted(), &mut tasks);
    let diaries = Data::new(diaries);
    let doctor = Doctor::of_service(
        config.doctor,
        Dependencies {
            database: Some(DatabaseDependency {
                config: database_config,
                credentials,
                tables: Tables::Made(tables),
                service: Some((database.clone(), visits.requests())),
            }),
            s3,
            private_service: config.private_service.url.clone(),
            ..Dependencies::default()
        },
    );
    let doctor = Data::new(doctor.map_err(std::io::Error::other)?);
    tasks.spawn("doctor", doctor::watch::run(doctor.clone().into_inner(), database.clone()));
    doctor::handlers::announce(&config.access);
    let access = Data::new(config.access);
    let private_service = Data::new(PrivateService::new(config.private_service));
    metrics::register_build(Config::SERVICE, env!("CARGO_PKG_VERSION"));
    database.register_metrics();
    visits.register_metrics();
    auth.register_metrics();
    users.register_metrics();
    diaries.register_metrics();
    private_service.register_metrics();
    tasks.spawn("metrics", emf::run(config.metrics, Config::SERVICE, &[emf::COMMON, CLOUDWATCH]));
    let database = Data::new(database);

    server::run(listener, &config.server, shutdown, tasks, move |routes| {
        routes
            .app_data(visits.clone())
            .app_data(database.clone())
            .app_data(auth.clone())
            .app_data(users.clone())
            .app_data(sessions.clone())
            .app_data(diaries.clone())
            .app_data(private_service.clone())
            .app_data(doctor.clone())
            .app_data(access.clone());
        routes::mount(routes);
    })
    .await
}
