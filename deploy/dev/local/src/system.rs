//! The whole system: started in order, watched, stopped in the opposite order.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use causeway_common::http::client;

use crate::ports;
use crate::postgres::{Options, Postgres};
use crate::service::{NotReady, Plan, Service, describe};
use crate::settings::Settings;
use crate::stand_ins::StandIns;
use crate::urls::Urls;

const READY_LIMIT: Duration = Duration::from_secs(30);
/// A database that runs already answers soon or not at all.
const OTHERS_LIMIT: Duration = Duration::from_secs(10);
const VERDICT_LIMIT: Duration = Duration::from_secs(60);
const WATCH_EVERY: Duration = Duration::from_millis(250);
const CONNECTIONS: u16 = 100;
/// What an instance of private-service can serve; each part gets a separate instance.
const CATALOGUE: [&str; 2] = ["books", "authors"];

/// What runs. Stop it with [`System::stop`]; dropping it stops it too, without the order.
#[derive(Debug, Default)]
pub struct System {
    /// In the order of their start: frontend-api is the last.
    services: Vec<Service>,
    stand_ins: Option<StandIns>,
    postgres: Option<Postgres>,
}

impl System {
    /// Starts everything and watches over it. It returns only when something fails or ends by itself, and says what;
    /// break it off at any time and call [`System::stop`].
    pub async fn run(&mut self, settings: &Settings, tell: fn(&str)) -> String {
        let started = Instant::now();
        let urls = Urls::of(settings);
        if let Err(problem) = self.start(settings, &urls, tell).await {
            return problem;
        }
        tell(&format!("\nstarted after {:.1} s. Try:", started.elapsed().as_secs_f32()));
        for path in ["/", "/recent-visits", "/ecs-private-service"] {
            tell(&format!("  curl {}{path}", urls.frontend));
        }
        for part in CATALOGUE {
            tell(&format!("  curl {}/api/{part}", urls.balancer));
        }
        tell(&format!(
            "In a browser: {0}/test-connection is the doctor, {0}/docs the API's documentation.",
            urls.frontend
        ));
        tell("Ctrl-C stops everything.\n");
        self.watch().await
    }

    async fn start(&mut self, settings: &Settings, urls: &Urls, tell: fn(&str)) -> Result<(), String> {
        let directory = directory_of_binaries()?;
        let mut variables = match &settings.database_url {
            Some(url) => of_others(url, settings.database_address.as_ref(), tell),
            None => self.start_postgres(tell).await?,
        };
        // Beside PostgreSQL's files, so that a diary and its picture are kept or removed together.
        let objects = directory.parent().unwrap_or(&directory).join("local/s3");
        let stand_ins = self.stand_ins.insert(StandIns::start(&objects, tell)?);
        variables.push(("ECSPRIVATESERVICE", urls.private.clone().into()));
        variables.extend(stand_ins.s3_variables());

        let mut plans = vec![Plan {
            name: "private-service",
            program: "private-service",
            address: SocketAddr::new(settings.bind_address, settings.private_port),
            ready: format!("{}/ready", urls.private),
            variables: stand_ins.task_variables("privateservice"),
        }];
        for part in CATALOGUE {
            plans.push(catalogue_part(part, stand_ins, urls)?);
        }
        let targets = plans.iter().filter(|plan| CATALOGUE.contains(&plan.name)).map(|plan| (plan.name, plan.address));
        let address = SocketAddr::new(settings.bind_address, settings.balancer_port);
        stand_ins.start_balancer(targets, address)?;
        plans.push(Plan {
            name: "frontend-api",
            program: "frontend-api",
            address: SocketAddr::new(settings.bind_address, settings.port),
            ready: format!("{}/health", urls.frontend),
            variables,
        });
        for plan in plans {
            tell(&format!("  {:<18}http://{}", plan.name, plan.address));
            self.services.push(Service::start(plan, &directory)?);
        }
        tell(&format!("  balancer          {}/api/books and /api/authors", urls.balancer));
        self.wait_until_ready(settings, urls, tell).await
    }

    /// Waits for all services, and for the database.
    async fn wait_until_ready(&mut self, settings: &Settings, urls: &Urls, tell: fn(&str)) -> Result<(), String> {
        for service in &mut self.services {
            service.wait_until_ready(READY_LIMIT).await?;
        }
        let Some(frontend) = self.services.last_mut() else { return Ok(()) };
        let limit = if settings.database_url.is_some() { OTHERS_LIMIT } else { READY_LIMIT };
        match frontend.wait_until_ok(&format!("{}/ready", urls.frontend), limit).await {
            // The doctor says what is wrong with somebody else's database: frontend-api stays up for it.
            Err(NotReady::Late(problem)) if settings.database_url.is_some() => {
                tell(&format!("\n{problem}\nThe doctor: {}", verdict(&urls.frontend).await));
                Ok(())
            }
            ready => Ok(ready?),
        }
    }

    /// Starts PostgreSQL and returns the variables by which frontend-api reaches it.
    async fn start_postgres(&mut self, tell: fn(&str)) -> Result<Variables, String> {
        let starting = tokio::task::spawn_blocking(move || {
            Postgres::start(&Options { keep: true, max_connections: CONNECTIONS, tell: &tell })
        });
        let postgres = starting.await.map_err(|error| format!("PostgreSQL: {error}"))?;
        let postgres = self.postgres.insert(postgres.map_err(|error| error.to_string())?);
        let (version, port, files) = (postgres.version(), postgres.port(), postgres.files().display());
        tell(&format!("  PostgreSQL {version:<7}127.0.0.1:{port}, with its data, log and password in {files}"));
        Ok(vec![
            ("DATABASE_URL", postgres.url().into()),
            ("DB_SSLMODE", "disable".into()),
            ("TARGET", "127.0.0.1".into()),
            ("TARGETPORT", port.to_string().into()),
        ])
    }

    /// Waits until something ends by itself, and says what.
    async fn watch(&mut self) -> String {
        loop {
            if let Some(problem) = self.services.iter_mut().find_map(Service::exited) {
                return problem;
            }
            match self.postgres.as_mut().map_or(Ok(None), Postgres::exited) {
                Ok(None) => tokio::time::sleep(WATCH_EVERY).await,
                Ok(Some(status)) => return format!("PostgreSQL ended by itself ({})", describe(status)),
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Stops everything, the database last; each within its own limit.
    ///
    /// # Errors
    /// What did not stop in order.
    pub async fn stop(mut self) -> Result<(), String> {
        let mut problems = Vec::new();
        for service in self.services.drain(..).rev() {
            problems.extend(service.stop().await.err());
        }
        drop(self.stand_ins.take());
        if let Some(mut postgres) = self.postgres.take() {
            match tokio::task::spawn_blocking(move || postgres.stop()).await {
                Ok(stopped) => problems.extend(stopped.err().map(|error| error.to_string())),
                Err(error) => problems.push(format!("PostgreSQL: {error}")),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }
}

type Variables = Vec<(&'static str, OsString)>;

/// Plans a private-service that serves `part`, on a port that only the balancer needs to know.
fn catalogue_part(part: &'static str, stand_ins: &StandIns, urls: &Urls) -> Result<Plan, String> {
    let free = ports::free().map_err(|error| format!("{part}: {error}"))?;
    let mut variables = stand_ins.task_variables(part);
    variables.push(("CATALOGUE", part.into()));
    Ok(Plan {
        name: part,
        program: "private-service",
        address: (Ipv4Addr::LOCALHOST, free).into(),
        ready: format!("{}/api/{part}/health", urls.balancer),
        variables,
    })
}

/// A database that runs already: frontend-api has its URL from the environment.
fn of_others(url: &str, address: Option<&(String, u16)>, tell: fn(&str)) -> Variables {
    let mut variables: Variables = vec![("DATABASE_URL", url.into())];
    match address {
        Some((host, port)) => {
            tell(&format!("  PostgreSQL        {host}:{port}, as DATABASE_URL says"));
            variables.extend([("TARGET", host.into()), ("TARGETPORT", port.to_string().into())]);
        }
        None => tell("  PostgreSQL        as DATABASE_URL says"),
    }
    variables
}

/// Returns the doctor's verdict in a sentence.
async fn verdict(base_url: &str) -> String {
    let url = format!("{base_url}/test-connection");
    let Ok(client) = client::builder(VERDICT_LIMIT).timeout(VERDICT_LIMIT).build() else { return format!("see {url}") };
    match client.get(&url).send().await {
        Ok(answer) => match answer.json::<serde_json::Value>().await {
            Ok(report) => report["Response"].as_str().unwrap_or("it reports no verdict").to_owned(),
            Err(error) => format!("{url}: {error}"),
        },
        Err(error) => format!("{url}: {error}"),
    }
}

/// The services are built beside this program.
fn directory_of_binaries() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| format!("can't find this program's directory: {error}"))?;
    program.parent().map(PathBuf::from).ok_or_else(|| "this program is in no directory".to_owned())
}
