//! Documents as ECS writes them, made from the facts; no real task is in here.

use serde_json::{Value, json};

pub const TASK_ARN: &str = "arn:aws:ecs:eu-north-1:111122223333:task/demo/3c9d5b1e70f24a4c8b6ad2f0e1a97b55";
pub const OWN_ID: &str = "3c9d5b1e70f24a4c8b6ad2f0e1a97b55-1861044309";
pub const OWN_IP: &str = "10.0.7.41";

/// A task under awsvpc with the container `app` alone.
pub fn usual_task() -> Value {
    task(&[usual_container()])
}

/// The container `app`, which is the one that asks.
pub fn usual_container() -> Value {
    container(OWN_ID, "app", &[awsvpc(json!([OWN_IP]))])
}

pub fn task(containers: &[Value]) -> Value {
    json!({
        "Cluster": "demo", "TaskARN": TASK_ARN, "Family": "private", "Revision": "7", "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING", "Limits": {"CPU": 0.25, "Memory": 512}, "AvailabilityZone": "eu-north-1b",
        "LaunchType": "FARGATE", "ServiceName": "privateservice", "Containers": containers,
        "ClockDrift": {"ClockErrorBound": 0.4, "ClockSynchronizationStatus": "SYNCHRONIZED"},
        "KeyOfTheFuture": {"Cluster": ["not", "that", "one"]},
    })
}

pub fn container(id: &str, name: &str, networks: &[Value]) -> Value {
    json!({
        "DockerId": id, "Name": name, "DockerName": name, "Image": format!("registry.example/{name}:1"),
        "ImageID": "sha256:0", "Labels": {"com.amazonaws.ecs.container-name": name}, "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING", "Limits": {"CPU": 128, "Memory": 256}, "Type": "NORMAL",
        "Health": {"status": "HEALTHY"}, "Networks": networks, "Snapshotter": "overlayfs", "KeyOfTheFuture": 1,
    })
}

/// A network of mode awsvpc with these `IPv4Addresses`.
pub fn awsvpc(ipv4: Value) -> Value {
    network("awsvpc", &[("IPv4Addresses", ipv4)])
}

pub fn network(mode: &str, addresses: &[(&str, Value)]) -> Value {
    let mut network = json!({"NetworkMode": mode, "AttachmentIndex": 0, "MACAddress": "0a:1b:2c:3d:4e:5f"});
    for (key, value) in addresses {
        network[*key] = value.clone();
    }
    network
}

/// `document` without `key`.
pub fn without(mut document: Value, key: &str) -> Value {
    document.as_object_mut().unwrap().remove(key).expect("the fixture has the key");
    document
}
