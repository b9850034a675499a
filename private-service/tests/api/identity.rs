//! `GET /`, from the endpoint to the answer. The rules have their tables in `task_metadata/identity.rs`.

use serde_json::{Value, json};

use crate::fixtures::{OWN_ID, OWN_IP, TASK_ARN, container, network, task, usual_container, usual_task, without};
use crate::helpers::spawn_app;

async fn identity_of(own: Value, task: Value) -> Value {
    let app = spawn_app().await;
    app.endpoint_serves(&own, &task).await;
    app.identity().await
}

#[tokio::test]
async fn the_identity_has_the_five_keys_that_callers_rely_on() {
    let expected = json!({
        "TaskArn": TASK_ARN, "Cluster": "demo", "LaunchType": "FARGATE", "ServiceName": "privateservice",
        "IpAddress": OWN_IP,
    });
    assert_eq!(identity_of(usual_container(), usual_task()).await, expected);
}

#[tokio::test]
async fn a_sidecar_that_comes_first_is_not_taken_for_the_container_that_asks() {
    let bridge = |ip: &str| network("bridge", &[("IPv4Addresses", json!([ip]))]);
    let own = container(OWN_ID, "app", &[bridge("172.17.0.9")]);
    let sidecar = container("log-1", "log_router", &[bridge("172.17.0.2")]);
    let task = without(task(&[sidecar, own.clone()]), "ServiceName");
    let identity = identity_of(own, task).await;
    assert_eq!(identity["IpAddress"], "172.17.0.9");
    assert_eq!(identity["ServiceName"], "app");
}

#[tokio::test]
async fn absent_networks_everywhere_leave_the_address_null() {
    let own = without(usual_container(), "Networks");
    let identity = identity_of(own.clone(), task(&[own])).await;
    assert_eq!(identity["IpAddress"], Value::Null);
    assert_eq!(identity["TaskArn"], TASK_ARN);
}
