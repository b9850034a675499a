//! The ECS task metadata endpoint, version 4, as a small task on Fargate sees it.
//!
//! | Path | Answer |
//! |---|---|
//! | `/v4/<name>` | the container `name` of the caller's task |
//! | `/v4/<name>/task` | the task, with a sidecar before that container in its list |
//!
//! The identity follows from the name and the caller's address, so that each replica has its own.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::server::{self, Server};

const CLUSTER: &str = "stand-in";
const ACCOUNT: &str = "arn:aws:ecs:eu-west-1:123456789012";
const CREATED: &str = "2026-01-15T09:30:00.123456789Z";

/// Limits the answers per task.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Answers per second and task; 0 means no limit.
    rate: u32,
    /// When each task's current second began, and its requests since then.
    seconds: HashMap<IpAddr, (Option<Instant>, u32)>,
}

impl Throttle {
    /// Gives each task `rate` answers per second and 429 beyond; 0 removes the limit.
    pub fn set(&self, rate: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rate = rate;
    }

    fn admits(&self, caller: IpAddr) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = counts.rate;
        let (since, asked) = counts.seconds.entry(caller).or_default();
        if since.is_none_or(|since| since.elapsed().as_secs() > 0) {
            (*since, *asked) = (Some(Instant::now()), 0);
        }
        *asked += 1;
        rate == 0 || *asked <= rate
    }
}

/// Starts the endpoint on a free port of 127.0.0.1.
///
/// # Errors
/// No port can be opened.
pub fn start() -> io::Result<Server> {
    let throttle = Data::new(Throttle::default());
    Server::start(server::listen()?, move |config| routes(config, throttle.clone()))
}

/// Returns what ECS sets as `ECS_CONTAINER_METADATA_URI_V4` for the container `name`.
pub fn uri(server: &Server, name: &str) -> String {
    format!("{}/v4/{name}", server.url())
}

/// Adds the endpoint's routes.
pub fn routes(config: &mut ServiceConfig, throttle: Data<Throttle>) {
    config
        .app_data(throttle)
        .route("/v4/{name}", web::get().to(container))
        .route("/v4/{name}/task", web::get().to(task))
        // As ECS does: the body of an error is a bare JSON string.
        .default_service(web::to(|| async { HttpResponse::NotFound().json("404 page not found") }));
}

async fn container(name: web::Path<String>, request: HttpRequest, throttle: Data<Throttle>) -> HttpResponse {
    answer(&request, &throttle, |caller| container_document(&name, &task_id(&name, caller), caller))
}

async fn task(name: web::Path<String>, request: HttpRequest, throttle: Data<Throttle>) -> HttpResponse {
    answer(&request, &throttle, |caller| task_document(&name, caller))
}

fn answer(request: &HttpRequest, throttle: &Throttle, document: impl FnOnce(IpAddr) -> Value) -> HttpResponse {
    let caller = request.peer_addr().map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip());
    if throttle.admits(caller) {
        HttpResponse::Ok().json(document(caller))
    } else {
        HttpResponse::TooManyRequests().body("You have reached maximum request limit.\n")
    }
}

/// Looks like a task's id and is the same for the same name and address.
fn task_id(name: &str, caller: IpAddr) -> String {
    let address = caller.to_canonical().to_string();
    format!("{:016x}{:016x}", hash(&[name, &address]), hash(&[&address, name]))
}

fn hash(parts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// Describes the task. A sidecar comes before the container itself in its list.
fn task_document(name: &str, caller: IpAddr) -> Value {
    let task = task_id(name, caller);
    json!({
        "Cluster": format!("{ACCOUNT}:cluster/{CLUSTER}"),
        "TaskARN": format!("{ACCOUNT}:task/{CLUSTER}/{task}"),
        "Family": name,
        "Revision": "1",
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": { "CPU": 0.25, "Memory": 512 },
        "PullStartedAt": CREATED,
        "PullStoppedAt": CREATED,
        "AvailabilityZone": "eu-west-1a",
        "LaunchType": "FARGATE",
        "ServiceName": name,
        "VPCID": "vpc-0a1b2c3d4e5f60718",
        "ClockDrift": {
            "ClockErrorBound": 0.4,
            "ReferenceTimestamp": CREATED,
            "ClockSynchronizationStatus": "SYNCHRONIZED"
        },
        "EphemeralStorageMetrics": { "Utilized": 261, "Reserved": 20496 },
        "Containers": [container_document("log-router", &task, caller), container_document(name, &task, caller)]
    })
}

fn container_document(name: &str, task: &str, caller: IpAddr) -> Value {
    let number = format!("{:010}", hash(&[name]) % 10_000_000_000);
    json!({
        "DockerId": format!("{task}-{number}"),
        "Name": name,
        "DockerName": name,
        "Image": format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/{name}:1"),
        "ImageID": "sha256:6d6b8d6a3b5bd2e5a9b4f3c1e0d9c8b7a6f5e4d3c2b1a0f9e8d7c6b5a4f3e2d1",
        "Labels": {
            "com.amazonaws.ecs.cluster": format!("{ACCOUNT}:cluster/{CLUSTER}"),
            "com.amazonaws.ecs.container-name": name,
            "com.amazonaws.ecs.task-arn": format!("{ACCOUNT}:task/{CLUSTER}/{task}"),
            "com.amazonaws.ecs.task-definition-family": name,
            "com.amazonaws.ecs.task-definition-version": "1"
        },
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": { "CPU": 2 },
        "CreatedAt": CREATED,
        "StartedAt": CREATED,
        "Type": "NORMAL",
        "LogDriver": "awslogs",
        "LogOptions": { "awslogs-group": format!("/ecs/{name}"), "awslogs-region": "eu-west-1" },
        "ContainerARN": format!("{ACCOUNT}:container/{CLUSTER}/{task}/00000000-0000-4000-8000-00{number}"),
        "Networks": [{
            "NetworkMode": "awsvpc",
            "IPv4Addresses": [caller.to_canonical()],
            "AttachmentIndex": 0,
            "MACAddress": "0a:de:f6:10:51:e5",
            "IPv4SubnetCIDRBlock": "10.0.1.0/24",
            "DomainNameServers": ["10.0.0.2"],
            "DomainNameSearchList": ["eu-west-1.compute.internal"],
            "PrivateDNSName": "ip-10-0-1-23.eu-west-1.compute.internal",
            "SubnetGatewayIpv4Address": "10.0.1.1/24"
        }],
        "Snapshotter": "overlayfs"
    })
}
