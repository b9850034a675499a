//! `GET /`: each trap of the metadata documents.

use serde_json::{Value, json};

use crate::fixtures::{
    OWN_ID, OWN_IP, TASK_ARN, awsvpc, container, network, task, usual_container, usual_task, with, without,
};
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
async fn an_address_that_only_the_tasks_list_tells_is_found_by_the_docker_id() {
    let bridge = |ip: &str| network("bridge", &[("IPv4Addresses", json!([ip]))]);
    let listed = container(OWN_ID, "app", &[bridge("172.17.0.9")]);
    let sidecar = container("log-1", "log_router", &[bridge("172.17.0.2")]);
    let identity = identity_of(without(usual_container(), "Networks"), task(&[sidecar, listed])).await;
    assert_eq!(identity["IpAddress"], "172.17.0.9");
}

#[tokio::test]
async fn the_order_of_the_containers_does_not_matter() {
    let bridge = |ip: &str| network("bridge", &[("IPv4Addresses", json!([ip]))]);
    let containers = [
        container("log-1", "log_router", &[bridge("172.17.0.2")]),
        container(OWN_ID, "app", &[bridge("172.17.0.9")]),
        container("agent-1", "agent", &[bridge("172.17.0.3")]),
    ];
    let own = without(containers[1].clone(), "Networks");
    let mut reversed = containers.clone();
    reversed.reverse();
    let (one, other) = (identity_of(own.clone(), task(&containers)).await, identity_of(own, task(&reversed)).await);
    assert_eq!(one, other);
    assert_eq!(one["IpAddress"], "172.17.0.9");
}

#[tokio::test]
async fn under_awsvpc_the_pause_containers_address_is_ours_when_ours_is_not_told() {
    let pause = with(container("pause-1", "~internal~ecs~pause", &[awsvpc(json!([OWN_IP]))]), "Type", "CNI_PAUSE");
    let own = without(usual_container(), "Networks");
    let identity = identity_of(own.clone(), task(&[pause, own])).await;
    assert_eq!(identity["IpAddress"], OWN_IP);
}

#[tokio::test]
async fn a_guardduty_container_that_nobody_declared_names_neither_service_nor_address() {
    let networks = [network("bridge", &[("IPv4Addresses", json!(["172.17.0.200"]))])];
    let guard = container("guard-1", "aws-gd-agent", &networks);
    let own = container(OWN_ID, "app", &[network("bridge", &[("IPv4Addresses", json!(["172.17.0.9"]))])]);
    let identity = identity_of(own.clone(), without(task(&[guard, own]), "ServiceName")).await;
    assert_eq!(identity["ServiceName"], "app");
    assert_eq!(identity["IpAddress"], "172.17.0.9");
}

#[tokio::test]
async fn under_bridge_a_siblings_address_is_not_ours() {
    let sibling = container("log-1", "log_router", &[network("bridge", &[("IPv4Addresses", json!(["172.17.0.2"]))])]);
    let own = without(usual_container(), "Networks");
    assert_eq!(identity_of(own.clone(), task(&[sibling, own])).await["IpAddress"], Value::Null);
}

#[tokio::test]
async fn absent_networks_everywhere_leave_the_address_null() {
    let own = without(usual_container(), "Networks");
    let identity = identity_of(own.clone(), task(&[own])).await;
    assert_eq!(identity["IpAddress"], Value::Null);
    assert_eq!(identity["TaskArn"], TASK_ARN);
}

#[tokio::test]
async fn an_empty_string_is_not_an_address() {
    let own = container(OWN_ID, "app", &[network("host", &[("IPv4Addresses", json!([""]))])]);
    assert_eq!(identity_of(own.clone(), task(&[own])).await["IpAddress"], Value::Null);

    let own = container(OWN_ID, "app", &[awsvpc(json!([""])), awsvpc(json!(["", OWN_IP]))]);
    assert_eq!(identity_of(own.clone(), task(&[own])).await["IpAddress"], OWN_IP);
}

#[tokio::test]
async fn in_an_ipv6_only_subnet_the_address_is_the_ipv6_one() {
    let own = container(OWN_ID, "app", &[network("awsvpc", &[("IPv6Addresses", json!(["2001:db8:7::41"]))])]);
    assert_eq!(identity_of(own.clone(), task(&[own])).await["IpAddress"], "2001:db8:7::41");
}

#[tokio::test]
async fn with_both_kinds_of_address_the_ipv4_one_is_told_whichever_network_has_it() {
    let ipv6_first = [network("awsvpc", &[("IPv6Addresses", json!(["2001:db8:7::41"]))]), awsvpc(json!([OWN_IP]))];
    let own = container(OWN_ID, "app", &ipv6_first);
    assert_eq!(identity_of(own.clone(), task(&[own])).await["IpAddress"], OWN_IP);
}

#[tokio::test]
async fn our_own_ipv6_address_goes_before_a_siblings_ipv4_address() {
    let own = container(OWN_ID, "app", &[network("awsvpc", &[("IPv6Addresses", json!(["2001:db8:7::41"]))])]);
    let sibling = container("log-1", "log_router", &[awsvpc(json!(["10.0.7.99"]))]);
    assert_eq!(identity_of(own.clone(), task(&[sibling, own])).await["IpAddress"], "2001:db8:7::41");
}

#[tokio::test]
async fn absent_containers_leave_what_the_container_itself_tells() {
    let identity = identity_of(usual_container(), without(usual_task(), "Containers")).await;
    assert_eq!(identity["IpAddress"], OWN_IP);
    assert_eq!(identity["Cluster"], "demo");
}

#[tokio::test]
async fn keys_that_are_null_are_as_good_as_absent() {
    let own = with(with(usual_container(), "Networks", Value::Null), "Name", Value::Null);
    let task = with(with(usual_task(), "Containers", Value::Null), "ServiceName", Value::Null);
    let identity = identity_of(own, task).await;
    assert_eq!((&identity["IpAddress"], &identity["ServiceName"]), (&Value::Null, &Value::Null));
    assert_eq!(identity["TaskArn"], TASK_ARN);
}

#[tokio::test]
async fn siblings_that_do_not_exist_yet_are_not_taken_for_a_container_without_an_id() {
    let bridge = network("bridge", &[("IPv4Addresses", json!(["172.17.0.2"]))]);
    let pulled = container("", "pulled-not-created", &[bridge]);
    let own = with(without(usual_container(), "Networks"), "DockerId", "");
    let own = with(own, "Name", "");
    let identity = identity_of(own, without(task(&[pulled]), "ServiceName")).await;
    assert_eq!((&identity["IpAddress"], &identity["ServiceName"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn siblings_that_do_not_exist_yet_do_no_harm() {
    let pulled = without(container("", "pulled-not-created", &[]), "Networks");
    let own = usual_container();
    assert_eq!(identity_of(own.clone(), task(&[pulled, own])).await["IpAddress"], OWN_IP);
}

#[tokio::test]
async fn a_cluster_that_is_an_arn_is_told_as_it_is() {
    let arn = "arn:aws:ecs:eu-north-1:111122223333:cluster/demo";
    let identity = identity_of(usual_container(), with(usual_task(), "Cluster", arn)).await;
    assert_eq!(identity["Cluster"], arn);
}

#[tokio::test]
async fn an_absent_launch_type_is_null() {
    let identity = identity_of(usual_container(), without(usual_task(), "LaunchType")).await;
    assert_eq!(identity["LaunchType"], Value::Null);
    assert_eq!(identity["ServiceName"], "privateservice");
}

#[tokio::test]
async fn a_launch_type_that_nobody_knows_is_told_as_it_is() {
    for launch_type in ["MANAGED_INSTANCES", "external"] {
        let identity = identity_of(usual_container(), with(usual_task(), "LaunchType", launch_type)).await;
        assert_eq!(identity["LaunchType"], launch_type);
    }
}

#[tokio::test]
async fn a_task_of_no_service_is_named_after_the_container_that_asks() {
    let identity = identity_of(usual_container(), without(usual_task(), "ServiceName")).await;
    assert_eq!(identity["ServiceName"], "app");
}
