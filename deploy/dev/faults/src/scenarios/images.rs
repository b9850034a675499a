//! The images themselves: what is in them, who runs, and how soon it answers.

use std::path::Path;
use std::time::SystemTime;

use super::list;
use crate::Result;
use crate::docker::{docker, inspect, run};
use crate::system::{System, Wishes, full, tag};
use crate::verdict::Verdict;

/// What an image may weigh, and what of that may be ours, in MB.
const LARGEST: f64 = 45.0;
const LARGEST_OVER_BASE: f64 = 25.0;
/// For the first answer after a container's start, in ms.
const SOON: f64 = 150.0;
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where Debian has those that were added to a machine.
const OWN_AUTHORITIES: &str = "/usr/local/share/ca-certificates";
const LABELS: [&str; 7] = ["title", "description", "licenses", "version", "revision", "created", "base.name"];

pub async fn frontend_api(verdict: &mut Verdict) -> Result {
    look_at(verdict, "frontend-api", "frontend").await
}

pub async fn private_service(verdict: &mut Verdict) -> Result {
    look_at(verdict, "private-service", "private-1").await
}

async fn look_at(verdict: &mut Verdict, service: &str, container: &str) -> Result {
    let image = format!("causeway/{service}:{}", tag());
    contents(verdict, &image).await?;
    configuration(verdict, &image).await?;
    first_answer(verdict, container).await
}

async fn contents(verdict: &mut Verdict, image: &str) -> Result {
    let size = megabytes(&inspect(image, "{{.Size}}").await?)?;
    verdict.at_most("size", size, LARGEST, "MB");
    // Our layers are those that a COPY made; no base image has one when it is made from packages or by Bazel.
    let layers =
        docker(&["history", "--human=false", "--no-trunc", "--format={{.Size}} {{.CreatedBy}}", image]).await?;
    let ours = layers.lines().filter(|line| line.contains("COPY")).filter_map(|line| line.split(' ').next());
    let ours = ours.map(megabytes).sum::<Result<f64>>()?;
    verdict.at_most("of that over the base", ours, LARGEST_OVER_BASE, "MB");

    let mut shells = Vec::new();
    for shell in ["/bin/sh", "/bin/bash", "/bin/busybox", "/busybox/sh"] {
        match docker(&["run", "--rm", "--network=none", "--entrypoint", shell, image, "-c", "exit 0"]).await {
            Err(error) if error.to_string().contains("no such file or directory") => {}
            // After any other error, the file is there, or that is unknown.
            _ => shells.push(shell),
        }
    }
    verdict.expect("no shell", shells.is_empty(), list(&shells));
    let own = certificates_of_this_machine()?;
    let trusted = certificates(&file_of(image, AUTHORITIES).await?);
    let left = own.iter().filter(|certificate| trusted.contains(certificate)).count();
    let figure = format!("{left} of this machine's own {}, {} in all", own.len(), trusted.len());
    verdict.expect("trusts no authority of the builder's", left == 0 && !trusted.is_empty(), figure);
    Ok(())
}

async fn configuration(verdict: &mut Verdict, image: &str) -> Result {
    let user = inspect(image, "{{.Config.User}}").await?;
    verdict.expect("runs as a user without rights", user == "65532:65532", user);
    // The engine calls it an error to ask for one that is not there.
    let check = inspect(image, "{{json .Config.Healthcheck.Test}}").await.unwrap_or_else(|error| error.to_string());
    verdict.expect("a health check without a shell", check.starts_with(r#"["CMD","/app/"#), check);
    let mut missing = Vec::new();
    for label in LABELS {
        let field = format!(r#"{{{{index .Config.Labels "org.opencontainers.image.{label}"}}}}"#);
        if inspect(image, &field).await?.is_empty() {
            missing.push(label);
        }
    }
    verdict.expect("says what it is by OCI's labels", missing.is_empty(), format!("missing: {}", list(&missing)));
    Ok(())
}

/// From the container's start, which the engine notes: what the command takes before is the engine's.
async fn first_answer(verdict: &mut Verdict, name: &str) -> Result {
    let system = System::start(Wishes::default()).await?;
    let mut times = Vec::new();
    for _ in 0..5 {
        docker(&["kill", &full(name)]).await?;
        docker(&["start", &full(name)]).await?;
        while !matches!(system.send(name, "GET", "/health", "").await, Ok(answer) if answer.status == 200) {
            tokio::task::yield_now().await;
        }
        let answered = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
        let started = inspect(&full(name), "{{.State.StartedAt}}").await?;
        let started: f64 = run("date", &["--date", &started, "+%s.%N"]).await?.parse()?;
        times.push((answered - started) * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    verdict.at_most("first answer after the start, median of 5", times[times.len() / 2], SOON, "ms");
    Ok(())
}

fn megabytes(bytes: &str) -> Result<f64> {
    Ok(bytes.parse::<f64>()? / 1e6)
}

/// The file as it is in a tar archive.
async fn file_of(image: &str, path: &str) -> Result<String> {
    let container = docker(&["create", "--network=none", image]).await?;
    let archive = docker(&["cp", &format!("{container}:{path}"), "-"]).await;
    docker(&["rm", &container]).await?;
    archive
}

fn certificates_of_this_machine() -> Result<Vec<String>> {
    let mut found = Vec::new();
    let folder = Path::new(OWN_AUTHORITIES);
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "crt") {
                found.extend(certificates(&std::fs::read_to_string(path)?));
            }
        }
    }
    Ok(found)
}

/// The text between the lines of PEM, whatever the lengths of its lines.
fn certificates(text: &str) -> Vec<String> {
    let parts = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let bodies = parts.filter_map(|part| part.split("-----END").next());
    bodies.map(|body| body.split_whitespace().collect()).collect()
}
