//! A stand-in for the ECS task metadata endpoint (version 4): what a small task on Fargate is told.
//!
//! | Path | Answer |
//! |---|---|
//! | `/v4/<id>` | the container that asks |
//! | `/v4/<id>/task` | its task, with a sidecar before it in the list |

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

const TASK: &str = "1f3a7c4e0b5d4c6f9a8e2d1c0b3f4a5e";
const CONTAINER: &str = "1f3a7c4e0b5d4c6f9a8e2d1c0b3f4a5e-2495160603";
const SIDECAR: &str = "1f3a7c4e0b5d4c6f9a8e2d1c0b3f4a5e-1013423671";
const ACCOUNT: &str = "arn:aws:ecs:eu-west-1:123456789012";
const CREATED: &str = "2026-01-15T09:30:00.123456789Z";

/// The endpoint, on a free port of 127.0.0.1. It ends when it is dropped.
#[derive(Debug)]
pub struct MetadataStandIn {
    address: SocketAddr,
    server: ServerHandle,
}

impl MetadataStandIn {
    /// Starts answering, in the background of the present runtime.
    ///
    /// # Errors
    /// When no port can be opened.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let server = HttpServer::new(|| {
            App::new()
                .route("/v4/{id}", web::get().to(container))
                .route("/v4/{id}/task", web::get().to(task))
                // As ECS does: the body of an error is a bare JSON string.
                .default_service(web::to(|| async { HttpResponse::NotFound().json("404 page not found") }))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        // It ends by the handle alone.
        tokio::spawn(server);
        Ok(Self { address, server: handle })
    }

    /// What ECS sets as `ECS_CONTAINER_METADATA_URI_V4`.
    pub fn uri(&self) -> String {
        format!("http://{}/v4/{CONTAINER}", self.address)
    }
}

impl Drop for MetadataStandIn {
    fn drop(&mut self) {
        // The request to stop is sent at once; only its confirmation would have to be awaited.
        drop(self.server.stop(false));
    }
}

async fn container(id: web::Path<String>) -> HttpResponse {
    match id.as_str() {
        CONTAINER => HttpResponse::Ok().json(container_document(CONTAINER, "privateservice")),
        SIDECAR => HttpResponse::Ok().json(container_document(SIDECAR, "log-router")),
        unknown => unknown_id(unknown),
    }
}

async fn task(id: web::Path<String>) -> HttpResponse {
    if id.as_str() == CONTAINER || id.as_str() == SIDECAR {
        return HttpResponse::Ok().json(task_document());
    }
    unknown_id(&id)
}

fn unknown_id(id: &str) -> HttpResponse {
    HttpResponse::NotFound().json(format!("V4 container metadata handler: unable to find container: {id}"))
}

fn task_document() -> Value {
    json!({
        "Cluster": format!("{ACCOUNT}:cluster/local"),
        "TaskARN": format!("{ACCOUNT}:task/local/{TASK}"),
        "Family": "privateservice",
        "Revision": "1",
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": { "CPU": 0.25, "Memory": 512 },
        "PullStartedAt": CREATED,
        "PullStoppedAt": CREATED,
        "AvailabilityZone": "eu-west-1a",
        "LaunchType": "FARGATE",
        "ServiceName": "privateservice",
        "VPCID": "vpc-0a1b2c3d4e5f60718",
        "ClockDrift": {
            "ClockErrorBound": 0.4,
            "ReferenceTimestamp": CREATED,
            "ClockSynchronizationStatus": "SYNCHRONIZED"
        },
        "EphemeralStorageMetrics": { "Utilized": 261, "Reserved": 20496 },
        "Containers": [container_document(SIDECAR, "log-router"), container_document(CONTAINER, "privateservice")]
    })
}

fn container_document(id: &str, name: &str) -> Value {
    let number = id.rsplit('-').next().unwrap_or_default();
    json!({
        "DockerId": id,
        "Name": name,
        "DockerName": name,
        "Image": format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/{name}:1"),
        "ImageID": "sha256:6d6b8d6a3b5bd2e5a9b4f3c1e0d9c8b7a6f5e4d3c2b1a0f9e8d7c6b5a4f3e2d1",
        "Labels": {
            "com.amazonaws.ecs.cluster": format!("{ACCOUNT}:cluster/local"),
            "com.amazonaws.ecs.container-name": name,
            "com.amazonaws.ecs.task-arn": format!("{ACCOUNT}:task/local/{TASK}"),
            "com.amazonaws.ecs.task-definition-family": "privateservice",
            "com.amazonaws.ecs.task-definition-version": "1"
        },
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": { "CPU": 2 },
        "CreatedAt": CREATED,
        "StartedAt": CREATED,
        "Type": "NORMAL",
        "LogDriver": "awslogs",
        "LogOptions": { "awslogs-group": "/ecs/privateservice", "awslogs-region": "eu-west-1" },
        "ContainerARN": format!("{ACCOUNT}:container/local/{TASK}/00000000-0000-4000-8000-00{number}"),
        "Networks": [{
            "NetworkMode": "awsvpc",
            "IPv4Addresses": ["10.0.1.23"],
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
