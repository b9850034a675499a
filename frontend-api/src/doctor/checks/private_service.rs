//! DNS → TCP → TLS, if its URL is https → HTTP → its identity.

use std::time::{Duration, Instant};

use causeway_common::contract::{TASK_METADATA_NOT_CONFIGURED, TASK_METADATA_UNAVAILABLE, TaskIdentity};
use futures_util::future::{BoxFuture, FutureExt};
use reqwest::StatusCode;
use url::Url;

use super::reach;
use crate::doctor::Check;
use crate::doctor::causes::{HTTP_FAILED, HTTP_NOT_FOUND, HTTP_SLOW, IDENTITY_NOT_JSON, METADATA_MISSING};
use crate::doctor::place::shown;
use crate::doctor::probe::http;
use crate::doctor::report::CheckReport;
use crate::doctor::stage::StageName;
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found, Walk};

/// Parsing what is in memory already.
const PARSE_LIMIT: Duration = Duration::from_secs(1);

pub(super) struct PrivateServiceCheck {
    pub(super) url: Url,
    pub(super) client: reqwest::Client,
}

impl Check for PrivateServiceCheck {
    fn subject(&self) -> &Subject {
        &Subject::PrivateService
    }

    fn run(&self, deadline: Instant) -> BoxFuture<'_, CheckReport> {
        check(&self.url, &self.client, deadline).boxed()
    }
}

async fn check(url: &Url, client: &reqwest::Client, deadline: Instant) -> CheckReport {
    let mut plan = vec![StageName::Dns, StageName::Tcp];
    plan.extend((url.scheme() == "https").then_some(StageName::Tls));
    plan.extend([StageName::Http, StageName::Identity]);
    let mut walk = Walk::new(Subject::PrivateService, &plan, deadline);
    walk.target(shown(url));
    stages(&mut walk, url, client).await;
    walk.finish()
}

async fn stages(walk: &mut Walk, url: &Url, client: &reqwest::Client) -> Option<()> {
    reach(walk, url).await?;
    let body = walk.stage(StageName::Http, http::LIMIT, &HTTP_SLOW, ask(url, client)).await?;
    walk.stage(StageName::Identity, PARSE_LIMIT, &HTTP_SLOW, async { identity(&body) }).await
}

async fn ask(url: &Url, client: &reqwest::Client) -> Result<Found<Vec<u8>>, Fault> {
    let answer = http::get(client, url).await?;
    let status = answer.status;
    let seen = format!("status {status}");
    match status {
        _ if status.is_success() => Ok(Found::new(answer.body, seen)),
        StatusCode::NOT_FOUND => Err(Fault::new(&HTTP_NOT_FOUND, seen)),
        _ => match problem_type(&answer.body) {
            Some(kind)
                if [&TASK_METADATA_NOT_CONFIGURED, &TASK_METADATA_UNAVAILABLE].iter().any(|known| known.is(&kind)) =>
            {
                Err(Fault::new(&METADATA_MISSING, format!("{seen}, {kind}")))
            }
            _ => Err(Fault::new(&HTTP_FAILED, seen)),
        },
    }
}

fn problem_type(body: &[u8]) -> Option<String> {
    let problem: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(problem.get("type")?.as_str()?.to_owned())
}

fn identity(body: &[u8]) -> Result<Found<()>, Fault> {
    let not_an_identity = |seen: String| Fault::new(&IDENTITY_NOT_JSON, seen);
    let identity: TaskIdentity =
        serde_json::from_slice(body).map_err(|error| not_an_identity(format!("{} bytes: {error}", body.len())))?;
    match identity.task_arn {
        Some(arn) => Ok(Found::new((), arn)),
        None => Err(not_an_identity("an object without a TaskArn".to_owned())),
    }
}
