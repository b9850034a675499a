//! `make up` and `make down`, as a user has them.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};

use causeway_load::client::Connection;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::list;
use crate::Result;
use crate::docker::{docker, inspect};
use crate::verdict::Verdict;

/// Not the one of `make up`, which may be in use.
const PROJECT: &str = "causeway-faults";
const ROUTES: [&str; 7] =
    ["/", "/recent-visits", "/ecs-private-service", "/health", "/ready", "/openapi.json", "/test-connection"];

const CATALOGUE: [&str; 4] = ["/api/books", "/api/books/1", "/api/authors", "/api/authors/health"];

pub async fn run(verdict: &mut Verdict) -> Result {
    let addresses = [free_address().await?, free_address().await?];
    let result = up(verdict, addresses).await;
    compose("down", addresses).await?;
    let left = project(&["ps", "--all"]).await?.len()
        + project(&["network", "ls"]).await?.len()
        + project(&["volume", "ls"]).await?.len();
    verdict.expect("make down leaves nothing", left == 0, format!("{left} containers, networks and volumes"));
    result
}

async fn up(verdict: &mut Verdict, addresses: [SocketAddr; 2]) -> Result {
    compose("up", addresses).await?;
    let [mut connection, mut balancer] = [Connection::open(addresses[0]).await?, Connection::open(addresses[1]).await?];
    let mut failed = Vec::new();
    for (routes, connection) in [(&ROUTES[..], &mut connection), (&CATALOGUE[..], &mut balancer)] {
        for route in routes {
            let status = connection.get(route, "compose").await?.status;
            if status != 200 {
                failed.push(format!("{route} {status}"));
            }
        }
    }
    verdict.expect("every route answers", failed.is_empty(), format!("not: {}", list(&failed)));

    let mut replicas = HashSet::new();
    for _ in 0..20 {
        replicas.insert(connection.get("/ecs-private-service", "compose").await?.body);
    }
    verdict.expect("both replicas answer", replicas.len() == 2, replicas.len().to_string());

    let containers = project(&["ps"]).await?;
    let (mut published, mut lax) = (Vec::new(), Vec::new());
    for container in &containers {
        let name = inspect(container, r#"{{index .Config.Labels "com.docker.compose.service"}}"#).await?;
        if !inspect(container, "{{range .HostConfig.PortBindings}}{{.}}{{end}}").await?.is_empty() {
            published.push(name.clone());
        }
        let guarded = inspect(container, "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}").await?;
        let limited = inspect(container, "{{.HostConfig.Memory}}").await? != "0";
        if !limited || guarded != "true [ALL]" {
            lax.push(name);
        }
    }
    published.sort();
    let expected = ["balancer", "frontend-api"];
    verdict.expect(
        "only frontend-api and the balancer can be reached from outside",
        published == expected,
        list(&published),
    );
    verdict.expect("limits, read-only, no capabilities", lax.is_empty(), format!("not: {}", list(&lax)));
    Ok(())
}

async fn compose(command: &str, [frontend, balancer]: [SocketAddr; 2]) -> Result {
    let output = Command::new("deploy/dev/containers/compose")
        .arg(command)
        .env("PROJECT", PROJECT)
        .env("PORT", frontend.port().to_string())
        .env("BALANCER_PORT", balancer.port().to_string())
        .output()
        .await?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    Err(format!("compose {command}: {}", said.concat()).into())
}

/// The ids of what belongs to the project.
async fn project(listing: &[&str]) -> Result<Vec<String>> {
    let filter = format!("label=com.docker.compose.project={PROJECT}");
    let mut command = listing.to_vec();
    command.extend(["--quiet", "--filter", &filter]);
    Ok(docker(&command).await?.lines().map(str::to_owned).collect())
}

async fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?)
}
