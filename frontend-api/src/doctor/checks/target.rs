//! `TARGET:TARGETPORT` and `DOCTOR_TARGETS`: DNS → TCP, and for a URL → TLS → HTTP.

use std::time::Instant;

use futures_util::future::{BoxFuture, FutureExt};
use url::Url;

use super::{connect, identify_http, reach, resolve};
use crate::doctor::Check;
use crate::doctor::causes::HTTP_SLOW;
use crate::doctor::config::Target;
use crate::doctor::place::Place;
use crate::doctor::probe::http;
use crate::doctor::report::CheckReport;
use crate::doctor::stage::StageName;
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found, Walk};

pub(super) struct TargetCheck {
    pub(super) target: Target,
    pub(super) client: reqwest::Client,
}

impl Check for TargetCheck {
    fn subject(&self) -> &Subject {
        &self.target.subject
    }

    fn run(&self, deadline: Instant) -> BoxFuture<'_, CheckReport> {
        check(self, deadline).boxed()
    }
}

async fn check(
    TargetCheck { target: Target { subject, place }, client }: &TargetCheck,
    deadline: Instant,
) -> CheckReport {
    let mut plan = vec![StageName::Dns, StageName::Tcp];
    if let Place::Url(url) = place {
        plan.extend((url.scheme() == "https").then_some(StageName::Tls));
        plan.push(StageName::Http);
    }
    let mut walk = Walk::new(subject.clone(), &plan, deadline);
    walk.target(place.to_string());
    match place {
        Place::Address { host, port } => dial(&mut walk, host, *port).await,
        Place::Url(url) => ask(&mut walk, url, client).await,
    };
    walk.finish()
}

async fn dial(walk: &mut Walk, host: &str, port: u16) -> Option<()> {
    let addresses = resolve(walk, host, port).await?;
    connect(walk, &addresses).await.map(drop)
}

/// A URL with a path or a query is judged by its status. For other URLs, any answer except a server's error shows that the
/// path is open: S3 answers a stranger with 403.
async fn ask(walk: &mut Walk, url: &Url, client: &reqwest::Client) -> Option<()> {
    reach(walk, url).await?;
    let names_a_resource = url.path() != "/" || url.query().is_some();
    let probe = async {
        let answer = http::get(client, url).await?;
        let status = answer.status;
        let is_well = status.is_success() || (!names_a_resource && !status.is_server_error());
        if is_well { Ok(Found::new((), answer.seen())) } else { Err(Fault::new(answer.refusal(), answer.seen())) }
    };
    let asked = walk.stage(StageName::Http, http::STAGE_LIMIT, &HTTP_SLOW, probe).await;
    if asked.is_none() {
        identify_http(walk, url).await;
    }
    asked
}
