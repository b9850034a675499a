//! The client: one deadline, several replicas.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use causeway_common::config::{Group, Optional, Var, Vars};
use causeway_common::contract::TaskIdentity;
use causeway_common::http::client::{self, BodyError};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::addresses::Addresses;
use super::error::PrivateServiceError;

/// One replica gets this part of what is left of the deadline, so that there is time to ask another.
const SHARE_OF_DEADLINE: u32 = 2;
/// Bytes; an identity has some hundred.
const LONGEST_ANSWER: usize = 64 * 1024;

const ECSPRIVATESERVICE: Optional<Url> = Optional::parsed(
    "ECSPRIVATESERVICE",
    "an http or https URL",
    parse_url,
    "`/ecs-private-service` answers 503",
    "URL of the private service.",
);
const PRIVATE_SERVICE_TIMEOUT_MS: Var<Duration> = Var::milliseconds(
    "PRIVATE_SERVICE_TIMEOUT_MS",
    2000,
    1..=600_000,
    "Deadline for asking the private service, all attempts together.",
);
/// Where the private service is.
#[derive(Debug)]
pub struct PrivateServiceConfig {
    /// Its URL.
    pub url: Option<Url>,
    /// The deadline of a request with all its attempts.
    pub timeout: Duration,
}

impl PrivateServiceConfig {
    /// Its variables.
    pub const VARIABLES: Group =
        Group { title: "Private service", variables: &[&ECSPRIVATESERVICE, &PRIVATE_SERVICE_TIMEOUT_MS] };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        Self { url: vars.read(&ECSPRIVATESERVICE), timeout: vars.read(&PRIVATE_SERVICE_TIMEOUT_MS) }
    }
}

/// The error does not quote the value: its user info could hold a password.
fn parse_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => Ok(url),
        _ => Err("is not a URL such as http://privateservice.apprunner.demo:8080".to_owned()),
    }
}

/// Asks whichever replica answers.
pub struct PrivateService {
    target: Option<Target>,
    timeout: Duration,
}

struct Target {
    url: Url,
    addresses: Addresses,
    /// One client an address: each keeps its connections, and dropping it closes them.
    clients: Mutex<HashMap<SocketAddr, reqwest::Client>>,
}

impl PrivateService {
    /// Nothing is resolved or connected yet.
    pub fn new(config: PrivateServiceConfig) -> Self {
        let target = config.url.and_then(|url| {
            let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
            let addresses = Addresses::new(host, url.port_or_known_default()?);
            Some(Target { url, addresses, clients: Mutex::default() })
        });
        Self { target, timeout: config.timeout }
    }

    /// The identity of the task that answered. A replica that fails is left for another, within one deadline.
    pub(super) async fn identity(&self) -> Result<TaskIdentity, PrivateServiceError> {
        let target = self.target.as_ref().ok_or(PrivateServiceError::NotConfigured)?;
        let deadline = Instant::now() + self.timeout;
        timeout_at(deadline, target.ask_in_turn(deadline)).await.unwrap_or(Err(PrivateServiceError::TimedOut))
    }
}

impl Target {
    async fn ask_in_turn(&self, deadline: Instant) -> Result<TaskIdentity, PrivateServiceError> {
        let mut outcome = Err(PrivateServiceError::TimedOut);
        let addresses = self.addresses.in_turn().await?;
        self.forget_all_but(&addresses);
        for address in addresses {
            let share = deadline.saturating_duration_since(Instant::now()) / SHARE_OF_DEADLINE;
            let attempt = timeout_at(Instant::now() + share, self.ask(address)).await;
            outcome = attempt.unwrap_or(Err(PrivateServiceError::TimedOut));
            match &outcome {
                Err(error) if error.is_worth_another_address() => self.drop_address(address, error),
                _ => break,
            }
        }
        outcome
    }

    async fn ask(&self, address: SocketAddr) -> Result<TaskIdentity, PrivateServiceError> {
        let classify = |error: reqwest::Error| {
            if error.is_timeout() { PrivateServiceError::TimedOut } else { PrivateServiceError::Unreachable(error) }
        };
        let answer = self.client(address)?.get(self.url.clone()).send().await.map_err(classify)?;
        if !answer.status().is_success() {
            return Err(PrivateServiceError::Status(answer.status()));
        }
        let body = client::read_body(answer, LONGEST_ANSWER).await.map_err(|error| match error {
            BodyError::Http(error) => classify(error),
            error @ BodyError::TooLong(_) => PrivateServiceError::NotAnIdentity(error.into()),
        })?;
        serde_json::from_slice(&body).map_err(|error| PrivateServiceError::NotAnIdentity(error.into()))
    }

    fn client(&self, address: SocketAddr) -> Result<reqwest::Client, PrivateServiceError> {
        let mut clients = self.clients.lock().expect("no holder of this lock can panic");
        if let Some(client) = clients.get(&address) {
            return Ok(client.clone());
        }
        let host = self.url.host_str().unwrap_or_default();
        let client = client::builder(Duration::from_secs(1))
            .resolve(host, address)
            .build()
            .map_err(PrivateServiceError::Client)?;
        clients.insert(address, client.clone());
        Ok(client)
    }

    /// Drops its connections, too: one to a paused or cut-off task would swallow the next request as well.
    fn drop_address(&self, address: SocketAddr, error: &PrivateServiceError) {
        tracing::warn!(%address, %error, "a replica of the private service failed");
        self.addresses.shun(address);
        self.clients.lock().expect("no holder of this lock can panic").remove(&address);
    }

    fn forget_all_but(&self, addresses: &[SocketAddr]) {
        let mut clients = self.clients.lock().expect("no holder of this lock can panic");
        clients.retain(|address, _| addresses.contains(address));
    }
}
