//! The whole system: started in order, watched, stopped in the opposite order.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use causeway_common::http::client;
use causeway_stand_ins::s3::S3;
use causeway_stand_ins::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server, metadata};

use crate::postgres::{Options, Postgres};
use crate::service::{NotReady, Service, describe};
use crate::settings::Settings;

const READY_LIMIT: Duration = Duration::from_secs(30);
/// A database that runs already answers soon or not at all.
const OTHERS_LIMIT: Duration = Duration::from_secs(10);
const VERDICT_LIMIT: Duration = Duration::from_secs(60);
const WATCH_EVERY: Duration = Duration::from_millis(250);
const CONNECTIONS: u16 = 100;

/// What runs. Stop it with [`System::stop`]; dropping it stops it too, without the order.
#[derive(Debug, Default)]
pub struct System {
    frontend: Option<Service>,
    private: Option<Service>,
    metadata: Option<Server>,
    s3: Option<S3>,
    postgres: Option<Postgres>,
}

impl System {
    /// Starts everything and watches over it. It returns only when something fails or ends by itself, and says what;
    /// break it off at any time and call [`System::stop`].
    pub async fn run(&mut self, settings: &Settings, tell: fn(&str)) -> String {
        let started = Instant::now();
        let urls = match self.start(settings, tell).await {
            Ok(urls) => urls,
            Err(problem) => return problem,
        };
        tell(&format!("\nstarted after {:.1} s. Try:", started.elapsed().as_secs_f32()));
        for path in ["/", "/recent-visits", "/ecs-private-service"] {
            tell(&format!("  curl {}{path}", urls.frontend));
        }
        tell(&format!(
            "In a browser: {0}/test-connection is the doctor, {0}/docs the API's documentation.",
            urls.frontend
        ));
        tell("Ctrl-C stops everything.\n");
        self.watch().await
    }

    async fn start(&mut self, settings: &Settings, tell: fn(&str)) -> Result<Urls, String> {
        let directory = directory_of_binaries()?;
        let urls = Urls::of(settings);

        let mut database = match &settings.database_url {
            Some(url) => of_others(url, settings.database_address.as_ref(), tell),
            None => self.start_postgres(tell).await?,
        };

        let server = metadata::start().map_err(|error| format!("the metadata stand-in: {error}"))?;
        let metadata_uri = metadata::uri(self.metadata.insert(server), "privateservice");
        tell(&format!("  task metadata     {metadata_uri}, a stand-in"));
        let mut s3 = self.start_s3(&directory, tell)?;

        tell(&format!("  private-service   {}", urls.private));
        let environment = vec![
            ("PORT", settings.private_port.to_string().into()),
            ("ECS_CONTAINER_METADATA_URI_V4", metadata_uri.into()),
            ("SHUTDOWN_DELAY_MS", "0".into()),
            ("BIND_ADDRESS", settings.bind_address.to_string().into()),
        ];
        let private = self.private.insert(Service::start("private-service", &directory, environment)?);

        tell(&format!("  frontend-api      {}", urls.frontend));
        let mut environment = vec![
            ("PORT", settings.port.to_string().into()),
            ("ECSPRIVATESERVICE", urls.private.clone().into()),
            ("SHUTDOWN_DELAY_MS", "0".into()),
            ("BIND_ADDRESS", settings.bind_address.to_string().into()),
        ];
        environment.append(&mut database);
        environment.append(&mut s3);
        let frontend = self.frontend.insert(Service::start("frontend-api", &directory, environment)?);

        private.wait_until_ok(&format!("{}/ready", urls.private), READY_LIMIT).await?;
        frontend.wait_until_ok(&format!("{}/health", urls.frontend), READY_LIMIT).await?;
        let limit = if settings.database_url.is_some() { OTHERS_LIMIT } else { READY_LIMIT };
        match frontend.wait_until_ok(&format!("{}/ready", urls.frontend), limit).await {
            // The doctor says what is wrong with somebody else's database: frontend-api stays up for it.
            Err(NotReady::Late(problem)) if settings.database_url.is_some() => {
                tell(&format!("\n{problem}\nThe doctor: {}", verdict(&urls.frontend).await));
            }
            ready => ready?,
        }
        Ok(urls)
    }

    /// Starts S3 and returns the variables by which frontend-api reaches it.
    fn start_s3(&mut self, directory: &Path, tell: fn(&str)) -> Result<Variables, String> {
        // Beside PostgreSQL's files, so that a diary and its picture are kept or removed together.
        let root = directory.parent().unwrap_or(directory).join("local/s3");
        let started = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| S3::start(&root, listener));
        let s3 = self.s3.insert(started.map_err(|error| format!("the S3 stand-in, in {}: {error}", root.display()))?);
        tell(&format!("  S3                {}, a stand-in, with its objects in {}", s3.url(), root.display()));
        Ok(vec![
            ("AWS_ENDPOINT_URL_S3", s3.url().into()),
            ("AWS_REGION", "eu-west-1".into()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.into()),
        ])
    }

    /// What tells frontend-api of it.
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

    async fn watch(&mut self) -> String {
        let Self { frontend, private, postgres, .. } = self;
        tokio::select! {
            problem = ended(frontend) => problem,
            problem = ended(private) => problem,
            problem = postgres_ended(postgres) => problem,
        }
    }

    /// Stops everything, the database last; each within its own limit.
    ///
    /// # Errors
    /// What did not stop in order.
    pub async fn stop(mut self) -> Result<(), String> {
        let mut problems = Vec::new();
        for service in [self.frontend.take(), self.private.take()].into_iter().flatten() {
            problems.extend(service.stop().await.err());
        }
        drop((self.metadata.take(), self.s3.take()));
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

struct Urls {
    frontend: String,
    private: String,
}

impl Urls {
    /// Where the services can be reached from this machine.
    fn of(settings: &Settings) -> Self {
        let host: IpAddr = match settings.bind_address {
            IpAddr::V4(address) if address.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(address) if address.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
            address => address,
        };
        let url = |port| format!("http://{}", SocketAddr::new(host, port));
        Self { frontend: url(settings.port), private: url(settings.private_port) }
    }
}

/// The services are built beside this program.
fn directory_of_binaries() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| format!("can't find this program's directory: {error}"))?;
    program.parent().map(PathBuf::from).ok_or_else(|| "this program is in no directory".to_owned())
}

async fn ended(service: &mut Option<Service>) -> String {
    match service {
        Some(service) => service.ended().await,
        None => std::future::pending().await,
    }
}

async fn postgres_ended(postgres: &mut Option<Postgres>) -> String {
    let Some(postgres) = postgres else { return std::future::pending().await };
    loop {
        match postgres.exited() {
            Ok(None) => tokio::time::sleep(WATCH_EVERY).await,
            Ok(Some(status)) => return format!("PostgreSQL ended by itself ({})", describe(status)),
            Err(error) => return error.to_string(),
        }
    }
}
