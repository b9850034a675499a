//! `TARGET:TARGETPORT` and `DOCTOR_TARGETS`: DNS → TCP, and for a URL → TLS → HTTP.

use std::time::Instant;

use url::Url;

use super::{connect, reach, resolve, shown};
use crate::doctor::catalogue::{HTTP_FAILED, HTTP_SLOW};
use crate::doctor::config::Target;
use crate::doctor::probe::{Dependency, http};
use crate::doctor::report::{Check, StageName};
use crate::doctor::walk::{Fault, Found, Walk};

pub(in crate::doctor) async fn check(
    name: String,
    target: &Target,
    client: &reqwest::Client,
    deadline: Instant,
) -> Check {
    let mut plan = vec![StageName::Dns, StageName::Tcp];
    if let Target::Url(url) = target {
        plan.extend((url.scheme() == "https").then_some(StageName::Tls));
        plan.push(StageName::Http);
    }
    let mut walk = Walk::new(name, &plan, deadline);
    walk.target(target.to_string());
    match target {
        Target::Address { host, port } => dial(&mut walk, host, *port).await,
        Target::Url(url) => ask(&mut walk, url, client).await,
    };
    walk.finish()
}

async fn dial(walk: &mut Walk, host: &str, port: u16) -> Option<()> {
    let addresses = resolve(walk, host, port, Dependency::Other).await?;
    connect(walk, &addresses, Dependency::Other).await.map(drop)
}

/// Any answer but a server's error shows that the way is open: 403 is S3's to a stranger.
async fn ask(walk: &mut Walk, url: &Url, client: &reqwest::Client) -> Option<()> {
    reach(walk, url, Dependency::Other).await?;
    let probe = async {
        let status = http::get(client, url).await?.status;
        let seen = format!("status {status}");
        if status.is_server_error() { Err(Fault::new(&HTTP_FAILED, seen)) } else { Ok(Found::new((), seen)) }
    };
    walk.stage(StageName::Http, http::LIMIT, &HTTP_SLOW, probe).await
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Address { host, port } => write!(f, "{host}:{port}"),
            Self::Url(url) => f.write_str(&shown(url)),
        }
    }
}
