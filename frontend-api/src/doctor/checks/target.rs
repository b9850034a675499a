//! `TARGET:TARGETPORT` and `DOCTOR_TARGETS`: DNS → TCP, and for a URL → TLS → HTTP.

use std::time::Instant;

use futures_util::future::{BoxFuture, FutureExt};
use url::Url;

use super::{connect, reach, resolve};
use crate::doctor::Check;
use crate::doctor::causes::{HTTP_FAILED, HTTP_SLOW};
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

/// Any answer but a server's error shows that the way is open: 403 is S3's to a stranger.
async fn ask(walk: &mut Walk, url: &Url, client: &reqwest::Client) -> Option<()> {
    reach(walk, url).await?;
    let probe = async {
        let status = http::get(client, url).await?.status;
        let seen = format!("status {status}");
        if status.is_server_error() { Err(Fault::new(&HTTP_FAILED, seen)) } else { Ok(Found::new((), seen)) }
    };
    walk.stage(StageName::Http, http::LIMIT, &HTTP_SLOW, probe).await
}
