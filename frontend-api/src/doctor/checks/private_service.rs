//! DNS → TCP → TLS, if its URL is https → HTTP → its identity.

use std::time::{Duration, Instant};

use causeway_common::contract::{TASK_METADATA_NOT_CONFIGURED, TASK_METADATA_UNAVAILABLE, TaskIdentity};
use futures_util::future::{BoxFuture, FutureExt};
use url::Url;

use super::{identify_http, reach};
use crate::doctor::Check;
use crate::doctor::causes::{
    HTTP_ENCODED, HTTP_SLOW, HTTP_TOO_LARGE, IDENTITY_LACKS_TASK, IDENTITY_NOT_JSON, METADATA_MISSING,
};
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
    let Some(answer) = walk.stage(StageName::Http, http::STAGE_LIMIT, &HTTP_SLOW, ask(url, client)).await else {
        identify_http(walk, url).await;
        return None;
    };
    walk.stage(StageName::Identity, PARSE_LIMIT, &HTTP_SLOW, async { identity(&answer) }).await
}

/// An answer that was read whole.
struct Whole {
    body: Vec<u8>,
    media_type: String,
}

async fn ask(url: &Url, client: &reqwest::Client) -> Result<Found<Whole>, Fault> {
    let answer = http::get(client, url).await?;
    let seen = answer.seen();
    if !answer.status.is_success() {
        return Err(match answer.body.as_deref().and_then(problem_type) {
            Some(kind)
                if [&TASK_METADATA_NOT_CONFIGURED, &TASK_METADATA_UNAVAILABLE].iter().any(|known| known.is(&kind)) =>
            {
                Fault::new(&METADATA_MISSING, format!("{seen}, {kind}"))
            }
            _ => Fault::new(answer.refusal(), seen),
        });
    }
    if let Some(encoding) = answer.encoding() {
        return Err(Fault::new(&HTTP_ENCODED, format!("{seen}, encoding {encoding}")));
    }
    let media_type = answer.media_type();
    match answer.body {
        Some(body) => Ok(Found::new(Whole { body, media_type }, seen)),
        None => Err(Fault::new(&HTTP_TOO_LARGE, format!("{seen}, {media_type}, longer than 64 KiB"))),
    }
}

fn problem_type(body: &[u8]) -> Option<String> {
    let problem: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(problem.get("type")?.as_str()?.to_owned())
}

fn identity(Whole { body, media_type }: &Whole) -> Result<Found<()>, Fault> {
    match serde_json::from_slice(body) {
        Ok(TaskIdentity { task_arn: Some(arn), .. }) => Ok(Found::new((), arn)),
        Ok(TaskIdentity { task_arn: None, .. }) => Err(Fault::new(&IDENTITY_LACKS_TASK, "TaskArn is null")),
        // serde's own message can quote the body.
        Err(error) => {
            let shape = if error.is_data() { "JSON of another shape" } else { "not JSON" };
            Err(Fault::new(&IDENTITY_NOT_JSON, format!("{} bytes of {media_type}: {shape}", body.len())))
        }
    }
}
