//! PostgreSQL in a container.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use causeway_local::postgres::TEST_SETTINGS;
use testcontainers::core::client::{ClientError, docker_client_instance};
use testcontainers::core::error::TestcontainersError;
use testcontainers::core::{IntoContainerPort, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::time::timeout;

/// What `build` makes where there is no registry.
pub(crate) const OWN_IMAGE: &str = "causeway-test-postgres:17-3";
const BUILD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../.ci/offline/postgres/build");
const ENGINE_LIMIT: Duration = Duration::from_secs(5);
/// A pull is part of a start.
const START_LIMIT: Duration = Duration::from_secs(600);
const READY_LIMIT: Duration = Duration::from_secs(60);
const BUILD_LIMIT: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(25);
const PORT: u16 = 5432;
/// The container's file system in memory. It belongs to root, so the data are in a directory below it, which PostgreSQL makes.
const MEMORY: &str = "/memory";

pub(crate) struct Container {
    container: ContainerAsync<GenericImage>,
    pub(crate) url: String,
}

/// Why there is no container.
pub(crate) enum Failure {
    /// The image is neither here nor to be pulled.
    NoImage(String),
    /// It is no question of the image.
    Other(String),
}

/// Whether a container engine answers; if not, why.
pub(crate) async fn engine() -> Result<(), String> {
    let client = docker_client_instance().await.map_err(|error| error.to_string())?;
    match timeout(ENGINE_LIMIT, client.ping()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it does not answer within {} s", ENGINE_LIMIT.as_secs())),
    }
}

impl Container {
    /// Starts a container of `image` and waits until PostgreSQL takes connections.
    pub(crate) async fn start(image: &str) -> Result<Self, Failure> {
        let password = causeway_common::random::hex();
        let (name, tag) = name_and_tag(image);
        let request = GenericImage::new(name, tag)
            .with_exposed_port(PORT.tcp())
            .with_env_var("POSTGRES_PASSWORD", &password)
            .with_mount(Mount::tmpfs_mount(MEMORY))
            .with_env_var("PGDATA", format!("{MEMORY}/data"))
            // For a sweep after a run that was killed: see `make clean-test`.
            .with_label("causeway.purpose", "tests")
            .with_cmd(settings());
        let container = match timeout(START_LIMIT, request.start()).await {
            Ok(Ok(container)) => container,
            Ok(Err(TestcontainersError::Client(error @ ClientError::PullImage { .. }))) => {
                return Err(Failure::NoImage(error.to_string()));
            }
            Ok(Err(error)) => return Err(Failure::Other(format!("a container of {image}: {error}"))),
            Err(_) => return Err(Failure::NoImage(format!("no pull within {} s", START_LIMIT.as_secs()))),
        };
        let address = address(&container).await.map_err(|error| Failure::Other(error.to_string()))?;
        let url = format!("postgres://postgres:{password}@{address}/postgres");
        let container = Self { container, url };
        match container.wait_until_ready().await {
            Ok(()) => Ok(container),
            Err(reason) => {
                let log = container.container.stderr_to_vec().await.unwrap_or_default();
                let text = format!("PostgreSQL in {image} is not ready: {reason}\n{}", String::from_utf8_lossy(&log));
                container.remove().await.map_err(Failure::Other)?;
                Err(Failure::Other(text))
            }
        }
    }

    /// By a connection: the official image logs "ready" once before it is.
    async fn wait_until_ready(&self) -> Result<(), String> {
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            let attempt = tokio_postgres::connect(&self.url, tokio_postgres::NoTls);
            let problem = match timeout(READY_LIMIT, attempt).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it does not answer".to_owned(),
            };
            if !self.container.is_running().await.unwrap_or(true) {
                return Err("the container has ended".to_owned());
            }
            if Instant::now() > deadline {
                return Err(format!("{problem}, for {} s", READY_LIMIT.as_secs()));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub(crate) async fn remove(self) -> Result<(), String> {
        let id = self.container.id().to_owned();
        self.container.rm().await.map_err(|error| format!("the container {id} is left behind: {error}"))
    }
}

fn settings() -> Vec<String> {
    let settings = TEST_SETTINGS.into_iter().chain(["max_connections=300"]);
    std::iter::once("postgres".to_owned()).chain(settings.map(|setting| format!("-c{setting}"))).collect()
}

async fn address(container: &ContainerAsync<GenericImage>) -> Result<String, TestcontainersError> {
    let host = container.get_host().await?.to_string();
    // The published port is IPv4's; IPv6 has another.
    let host = if host == "localhost" { "127.0.0.1" } else { &host };
    Ok(format!("{host}:{}", container.get_host_port_ipv4(PORT).await?))
}

/// The tag follows the last colon, unless that belongs to the registry's port.
fn name_and_tag(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

/// Builds the image that needs no registry.
pub(crate) async fn build() -> Result<(), String> {
    let mut command = tokio::process::Command::new(Path::new(BUILD));
    command.arg(OWN_IMAGE).stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(BUILD_LIMIT, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("{BUILD}: {error}")),
        Err(_) => return Err(format!("{BUILD}: not done within {} s", BUILD_LIMIT.as_secs())),
    };
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(text.lines().last().unwrap_or("it says nothing").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_split_at_its_tag_and_not_at_a_registrys_port() {
        assert_eq!(name_and_tag("postgres:17-alpine"), ("postgres", "17-alpine"));
        assert_eq!(
            name_and_tag("registry.example:5000/team/postgres"),
            ("registry.example:5000/team/postgres", "latest")
        );
        assert_eq!(name_and_tag("registry.example:5000/postgres:16"), ("registry.example:5000/postgres", "16"));
    }
}
