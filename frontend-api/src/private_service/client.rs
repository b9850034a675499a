//! The client: one deadline, several replicas.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use causeway_common::config::{Group, Optional, Var, Vars};
use causeway_common::contract::TaskIdentity;
use causeway_common::http::client::{self, BodyError};
use causeway_common::http::problem::Failure;
use causeway_common::telemetry::chain;
use causeway_common::telemetry::metrics::{self, Counter};
use causeway_common::telemetry::trace::{self, Call, Client};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::addresses::Addresses;
use super::error::PrivateServiceError;

/// Bytes. An identity has a few hundred.
const LONGEST_ANSWER: usize = 64 * 1024;
/// The name of its node in X-Ray.
const NODE: &str = "private-service";

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
    "Deadline of a request to the private service, all attempts together.",
);
const PRIVATE_SERVICE_CONCURRENCY: Var<usize> = Var::int(
    "PRIVATE_SERVICE_CONCURRENCY",
    256,
    1..=10_000,
    "Most requests, and so connections, to the private service at a time; more are answered with 503.",
);

/// Where the private service is.
#[derive(Debug)]
pub struct PrivateServiceConfig {
    /// Its URL.
    pub url: Option<Url>,
    /// The deadline of a request with all its attempts.
    pub timeout: Duration,
    /// Requests at a time.
    pub concurrency: usize,
}

impl PrivateServiceConfig {
    /// Its variables.
    pub const VARIABLES: Group = Group {
        title: "Private service",
        variables: &[&ECSPRIVATESERVICE, &PRIVATE_SERVICE_TIMEOUT_MS, &PRIVATE_SERVICE_CONCURRENCY],
    };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        Self {
            url: vars.read(&ECSPRIVATESERVICE),
            timeout: vars.read(&PRIVATE_SERVICE_TIMEOUT_MS),
            concurrency: vars.read(&PRIVATE_SERVICE_CONCURRENCY),
        }
    }
}

/// The error does not quote the value: its user info could hold a password.
fn parse_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => Ok(url),
        _ => Err("is not a URL such as http://privateservice.apprunner.demo:8080".to_owned()),
    }
}

/// Asks the replicas until one answers.
pub struct PrivateService {
    target: Option<Target>,
    timeout: Duration,
    /// One for each request that may be under way.
    permits: Arc<Semaphore>,
    concurrency: usize,
    refused: Counter,
}

struct Target {
    url: Url,
    addresses: Addresses,
    /// One client for each address: it keeps its connections, and dropping it closes them.
    clients: Mutex<HashMap<SocketAddr, reqwest::Client>>,
    failures: Counter,
}

impl PrivateService {
    /// Resolves and connects nothing yet.
    pub fn new(config: PrivateServiceConfig) -> Self {
        let target = config.url.and_then(|url| {
            let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
            let addresses = Addresses::new(host, url.port_or_known_default()?);
            Some(Target { url, addresses, clients: Mutex::default(), failures: Counter::default() })
        });
        Self {
            target,
            timeout: config.timeout,
            permits: Arc::new(Semaphore::new(config.concurrency)),
            concurrency: config.concurrency,
            refused: Counter::default(),
        }
    }

    /// Registers the metrics. Call it once.
    pub fn register_metrics(&self) {
        let (permits, all) = (self.permits.clone(), self.concurrency);
        metrics::counted_gauge("private_service_in_flight", "Requests to the private service under way", move || {
            all.saturating_sub(permits.available_permits())
        });
        let help = "Requests that were refused because too many were under way";
        metrics::register("private_service_refused", help, self.refused.clone());
        let failures = self.target.as_ref().map(|target| target.failures.clone()).unwrap_or_default();
        metrics::register("private_service_failures", "Attempts at a replica that failed", failures);
    }

    /// Returns the identity of the task that answered. If a replica fails, another is asked, within one deadline.
    pub(super) async fn identity(&self) -> Result<TaskIdentity, PrivateServiceError> {
        let target = self.target.as_ref().ok_or(PrivateServiceError::NotConfigured)?;
        let _permit = self.permits.try_acquire().map_err(|_| {
            self.refused.inc();
            PrivateServiceError::Busy
        })?;
        let deadline = Instant::now() + self.timeout;
        timeout_at(deadline, target.ask_in_turn(deadline)).await.unwrap_or(Err(PrivateServiceError::TimedOut))
    }
}

impl Target {
    async fn ask_in_turn(&self, deadline: Instant) -> Result<TaskIdentity, PrivateServiceError> {
        let order = self.addresses.in_turn().await?;
        self.forget_all_but(&order);
        let mut tried = Vec::with_capacity(order.len());
        let mut next = order[0];
        loop {
            tried.push(next);
            let outcome = self.attempt(next, &tried, deadline).await;
            match &outcome {
                Err(error) if error.is_worth_another_address() => self.note_failure(next, error),
                Err(_) => return outcome,
                Ok(_) => {
                    self.note_answer(next);
                    return outcome;
                }
            }
            let untried = order.iter().find(|address| !tried.contains(address)).copied();
            let another = match untried {
                Some(address) => Some(address),
                None => {
                    self.addresses.settled().await;
                    self.addresses.other_than(&tried)
                }
            };
            match another {
                Some(address) => next = address,
                None => return outcome,
            }
        }
    }

    /// Gives a replica half of what is left of the deadline if another one could be asked then, otherwise all of it.
    async fn attempt(
        &self,
        address: SocketAddr,
        tried: &[SocketAddr],
        deadline: Instant,
    ) -> Result<TaskIdentity, PrivateServiceError> {
        let mut answer = pin!(self.ask(address));
        let half = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 2;
        let outcome = match timeout_at(half, &mut answer).await {
            Err(_) if self.addresses.other_than(tried).is_none() => timeout_at(deadline, answer).await,
            outcome => outcome,
        };
        outcome.unwrap_or(Err(PrivateServiceError::TimedOut))
    }

    /// Asks one replica, within a span that the replica's own is below.
    async fn ask(&self, address: SocketAddr) -> Result<TaskIdentity, PrivateServiceError> {
        let mut span = Client::start(|| Call::get(NODE, &self.url));
        let outcome = self.ask_within(address, &mut span).await;
        match &outcome {
            Ok(_) => span.succeeded(),
            Err(error) => span.failed(|| error.kind().slug.to_owned()),
        }
        outcome
    }

    async fn ask_within(&self, address: SocketAddr, span: &mut Client) -> Result<TaskIdentity, PrivateServiceError> {
        let classify = |error: reqwest::Error| {
            if error.is_timeout() { PrivateServiceError::TimedOut } else { PrivateServiceError::Unreachable(error) }
        };
        let mut request = self.client(address)?.get(self.url.clone());
        for (name, value) in trace::headers(span.context()) {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(classify)?;
        span.answered(answer.status().as_u16());
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

    /// Logs only the first of a series of failures. Connections to a replica that is silent or cannot be reached are
    /// dropped, because the next request on such a connection would get no answer either.
    fn note_failure(&self, address: SocketAddr, error: &PrivateServiceError) {
        self.failures.inc();
        if self.addresses.mark_failing(address) {
            tracing::warn!(%address, error = chain(error), "a replica of the private service failed");
        }
        if !matches!(error, PrivateServiceError::Status(_)) {
            self.clients.lock().expect("no holder of this lock can panic").remove(&address);
        }
    }

    fn note_answer(&self, address: SocketAddr) {
        if self.addresses.mark_well(address) {
            tracing::info!(%address, "a replica of the private service answers again");
        }
    }

    fn forget_all_but(&self, addresses: &[SocketAddr]) {
        self.addresses.forget_all_but(addresses);
        let mut clients = self.clients.lock().expect("no holder of this lock can panic");
        clients.retain(|address, _| addresses.contains(address));
    }
}
