//! Keeps the identity, which one reader at a time reads on demand.
//!
//! The endpoint allows 40 requests a second, including those for the task's credentials. So it is read at the pace that
//! `state` sets, whatever the number of callers and failures. Once the identity is complete, no caller waits.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_common::contract::{TASK_METADATA_NOT_CONFIGURED, TASK_METADATA_UNAVAILABLE, TaskIdentity};
use causeway_common::http::problem::{Failure, Kind};
use causeway_common::telemetry::{chain, metrics, trace};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::client::{MetadataClient, ReadError};
use super::state::{Change, State};
use crate::config::MetadataConfig;

/// What this service knows of its task.
#[derive(Debug)]
pub struct TaskMetadata(Option<Cache>);

#[derive(Debug)]
struct Cache {
    client: Arc<MetadataClient>,
    refresh: Duration,
    state: Arc<watch::Sender<State>>,
    /// Reads run here and not on the worker of the request that caused them, so that a caller that leaves or a worker that
    /// stops does not block the others.
    runtime: Handle,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// There is no endpoint to ask.
    #[error("ECS_CONTAINER_METADATA_URI_V4 is not set")]
    NotConfigured,
    /// The endpoint returned none, and none is cached.
    #[error("the task metadata endpoint fails")]
    Failing {
        /// What happened at the newest read.
        #[source]
        cause: Arc<ReadError>,
        /// When the endpoint is read again.
        retry_in: Duration,
    },
}

impl TaskMetadata {
    /// Prepares to read, in the runtime of the caller; reads nothing yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(config: &MetadataConfig) -> Result<Self, reqwest::Error> {
        let Some(endpoint) = &config.endpoint else {
            tracing::warn!("ECS_CONTAINER_METADATA_URI_V4 is not set: the task's identity is unknown");
            return Ok(Self(None));
        };
        Ok(Self(Some(Cache {
            client: Arc::new(MetadataClient::new(endpoint, config.timeout)?),
            refresh: config.refresh,
            state: Arc::default(),
            runtime: Handle::current(),
        })))
    }

    /// Registers the metrics. Call it once.
    pub fn register_metrics(&self) {
        let state = self.0.as_ref().map(|cache| cache.state.clone());
        let (aged, failing) = (state.clone(), state);
        metrics::computed_gauge("task_metadata_age_seconds", "Time since the task metadata was last read", move || {
            let age = aged.as_ref().and_then(|state| state.borrow().age(Instant::now()));
            age.map_or(-1.0, |age| age.as_secs_f64())
        });
        metrics::computed_gauge("task_metadata_failing", "1 if the newest read failed, otherwise 0", move || {
            f64::from(u8::from(failing.as_ref().is_some_and(|state| state.borrow().failure().is_some())))
        });
    }

    /// Returns the newest complete identity; if there is none, the newest incomplete one.
    ///
    /// # Errors
    /// When there is none.
    pub async fn identity(&self) -> Result<TaskIdentity, Unavailable> {
        let cache = self.0.as_ref().ok_or(Unavailable::NotConfigured)?;
        cache.read_if_due();
        let mut states = cache.state.subscribe();
        // A read ends by itself within its time-out, and so does this wait.
        let state = states.wait_for(State::is_settled).await.expect("the cache keeps the sender");
        state.answer(Instant::now()).map_err(|(cause, retry_in)| Unavailable::Failing { cause, retry_in })
    }
}

impl Cache {
    fn read_if_due(&self) {
        let now = Instant::now();
        if self.state.borrow().is_due(now) && self.state.send_if_modified(|state| state.begin(now)) {
            let read = read(self.client.clone(), self.state.clone(), self.refresh);
            self.runtime.spawn(trace::inherit(read));
        }
    }
}

async fn read(client: Arc<MetadataClient>, state: Arc<watch::Sender<State>>, refresh: Duration) {
    let result = client.read().await;
    let mut change = Change::None;
    state.send_modify(|state| change = state.finish(result, Instant::now(), refresh));
    match change {
        Change::None => {}
        Change::Failing => {
            let cause = state.borrow().failure().map(|error| chain(error));
            tracing::warn!(cause, "the task metadata endpoint fails");
        }
        Change::Recovered => tracing::info!("the task metadata endpoint answers again"),
    }
}

impl Failure for Unavailable {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::NotConfigured => &TASK_METADATA_NOT_CONFIGURED,
            Self::Failing { .. } => &TASK_METADATA_UNAVAILABLE,
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::NotConfigured => {
                "ECS_CONTAINER_METADATA_URI_V4 is not set, so this service cannot know its task. ECS sets it in every \
                 container (Fargate platform 1.4.0 or later, container agent 1.39.0 or later); outside ECS, set it to the \
                 address of a stand-in."
            }
            Self::Failing { .. } => {
                "The ECS task metadata endpoint gave no usable answer, and there is no earlier answer to serve. The service \
                 reads it again shortly; its log has the cause."
            }
        })
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotConfigured => None,
            Self::Failing { retry_in, .. } => Some(*retry_in),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_meets_a_failing_endpoint_is_told_when_it_is_read_again() {
        let retry_in = Duration::from_secs(4);
        let failing = Unavailable::Failing { cause: Arc::new(ReadError::NotRead), retry_in };
        assert_eq!((failing.retry_after(), Unavailable::NotConfigured.retry_after()), (Some(retry_in), None));
    }
}
