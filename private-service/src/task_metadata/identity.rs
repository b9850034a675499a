//! Makes a task's identity of the endpoint's documents. Pure.

use causeway_common::contract::TaskIdentity;

use super::documents::{Container, Network, Task};

/// The identity of the task `task` as seen by its container `own`.
///
/// `own` and not the first of the task's containers: their order is not defined, and sidecars, pause containers and
/// containers that AWS injects may come first.
pub(super) fn identify(own: &Container, task: &Task) -> TaskIdentity {
    let listed = listed(own, task);
    let own_name = || said(own.name.as_ref()).or_else(|| said(listed?.name.as_ref()));
    TaskIdentity {
        task_arn: said(task.arn.as_ref()),
        cluster: said(task.cluster.as_ref()),
        launch_type: said(task.launch_type.as_ref()),
        service_name: said(task.service_name.as_ref()).or_else(own_name),
        ip_address: own_address(own, listed).or_else(|| shared_address(task)),
    }
}

/// Returns true if everything is present that ECS reports sooner or later; the rest may stay absent.
pub(super) fn is_complete(identity: &TaskIdentity) -> bool {
    identity.task_arn.is_some() && identity.cluster.is_some() && identity.ip_address.is_some()
}

/// Returns true if the documents have no value at all, which cannot be a task's documents.
pub(super) fn is_empty(identity: &TaskIdentity) -> bool {
    let TaskIdentity { task_arn, cluster, launch_type, service_name, ip_address } = identity;
    [task_arn, cluster, launch_type, service_name, ip_address].into_iter().all(Option::is_none)
}

/// The same container in the task's list. Containers that do not exist yet all have the empty id: that is no match.
fn listed<'a>(own: &Container, task: &'a Task) -> Option<&'a Container> {
    let id = said(own.docker_id.as_ref())?;
    containers(task).find(|container| container.docker_id.as_deref() == Some(&id))
}

fn own_address(own: &Container, listed: Option<&Container>) -> Option<String> {
    let networks = || own.networks().chain(listed.into_iter().flat_map(Container::networks));
    first_address(networks)
}

/// Under awsvpc all containers of a task share one address, so a sibling's is ours, too. Under bridge it is not.
fn shared_address(task: &Task) -> Option<String> {
    let awsvpc = |network: &&Network| network.mode.as_deref() == Some("awsvpc");
    first_address(|| containers(task).flat_map(Container::networks).filter(awsvpc))
}

/// The first IPv4 address, otherwise the first IPv6 address.
fn first_address<'a, I: Iterator<Item = &'a Network>>(networks: impl Fn() -> I) -> Option<String> {
    let ipv4 = networks().flat_map(|network| network.ipv4_addresses.iter().flatten());
    let ipv6 = networks().flat_map(|network| network.ipv6_addresses.iter().flatten());
    ipv4.chain(ipv6).find(|address| !address.is_empty()).cloned()
}

fn containers(task: &Task) -> impl Iterator<Item = &Container> {
    task.containers.iter().flatten()
}

/// The text, if there is any: ECS writes some unknown values as "".
fn said(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const IP: &str = "10.0.7.41";

    fn network(mode: &str, key: &str, addresses: &Value) -> Value {
        json!({"NetworkMode": mode, key: addresses})
    }

    fn awsvpc(addresses: &[&str]) -> Value {
        network("awsvpc", "IPv4Addresses", &json!(addresses))
    }

    fn bridge(address: &str) -> Value {
        network("bridge", "IPv4Addresses", &json!([address]))
    }

    fn ipv6() -> Value {
        network("awsvpc", "IPv6Addresses", &json!(["2001:db8:7::41"]))
    }

    fn container(id: &str, name: &str, networks: &[Value]) -> Value {
        json!({"DockerId": id, "Name": name, "Networks": networks})
    }

    fn own(networks: &[Value]) -> Value {
        container("own", "app", networks)
    }

    /// The container that asks, if ECS does not report its networks.
    fn own_without_networks() -> Value {
        json!({"DockerId": "own", "Name": "app"})
    }

    fn task(containers: &[Value]) -> Value {
        json!({"TaskARN": "arn", "Cluster": "demo", "LaunchType": "FARGATE", "Containers": containers})
    }

    fn identity(own: Value, task: Value) -> TaskIdentity {
        identify(&serde_json::from_value(own).unwrap(), &serde_json::from_value(task).unwrap())
    }

    #[test]
    fn the_address_is_that_of_the_container_that_asks() {
        let sidecar = || container("log-1", "log_router", &[bridge("172.17.0.2")]);
        let guard = container("guard-1", "aws-gd-agent", &[bridge("172.17.0.200")]);
        let pause = container("pause-1", "~internal~ecs~pause", &[awsvpc(&[IP])]);
        let ipv4_sibling = container("log-1", "log_router", &[awsvpc(&["10.0.7.99"])]);
        let pulled = container("", "pulled-not-created", &[bridge("172.17.0.2")]);
        let silent = own_without_networks;
        let listed = || own(&[bridge("172.17.0.9")]);
        let cases = [
            ("the usual one", own(&[awsvpc(&[IP])]), task(&[]), Some(IP)),
            ("a sidecar comes first", listed(), task(&[sidecar(), listed()]), Some("172.17.0.9")),
            ("only the task's list has it", silent(), task(&[sidecar(), listed()]), Some("172.17.0.9")),
            ("the list in another order", silent(), task(&[listed(), sidecar()]), Some("172.17.0.9")),
            ("a container that nobody declared", listed(), task(&[guard, listed()]), Some("172.17.0.9")),
            ("awsvpc: the pause container's is ours", silent(), task(&[pause, silent()]), Some(IP)),
            ("bridge: a sibling's is not ours", silent(), task(&[sidecar(), silent()]), None),
            ("no networks anywhere", silent(), task(&[silent()]), None),
            ("an empty string", own(&[bridge("")]), task(&[]), None),
            ("empty strings first", own(&[awsvpc(&[""]), awsvpc(&["", IP])]), task(&[]), Some(IP)),
            ("an IPv6-only subnet", own(&[ipv6()]), task(&[]), Some("2001:db8:7::41")),
            ("IPv4 goes first", own(&[ipv6(), awsvpc(&[IP])]), task(&[]), Some(IP)),
            ("our IPv6 before a sibling's IPv4", own(&[ipv6()]), task(&[ipv4_sibling]), Some("2001:db8:7::41")),
            ("a sibling that does not exist yet", json!({"DockerId": "", "Name": ""}), task(&[pulled]), None),
            ("networks that are null", json!({"DockerId": "own", "Networks": null}), task(&[]), None),
            ("containers that are null", own(&[awsvpc(&[IP])]), json!({"Containers": null}), Some(IP)),
        ];
        for (case, own, task, expected) in cases {
            assert_eq!(identity(own, task).ip_address.as_deref(), expected, "{case}");
        }
    }

    #[test]
    fn the_service_is_the_tasks_service_otherwise_the_container_that_asks() {
        let sidecar = container("log-1", "log_router", &[]);
        let unnamed = json!({"DockerId": "own"});
        let of_a_service = json!({"ServiceName": "privateservice", "Containers": []});
        let cases = [
            ("a task of a service", own(&[]), of_a_service, Some("privateservice")),
            ("a task of no service", own(&[]), task(std::slice::from_ref(&sidecar)), Some("app")),
            ("only the task's list has the name", unnamed.clone(), task(&[sidecar, own(&[])]), Some("app")),
            ("names that are null", json!({"Name": null}), json!({"ServiceName": null}), None),
            ("names that are empty", json!({"Name": ""}), json!({"ServiceName": ""}), None),
        ];
        for (case, own, task, expected) in cases {
            assert_eq!(identity(own, task).service_name.as_deref(), expected, "{case}");
        }
    }

    #[test]
    fn cluster_and_launch_type_are_passed_on_as_they_are() {
        let arn = "arn:aws:ecs:eu-north-1:111122223333:cluster/demo";
        for (cluster, launch_type) in [("demo", "FARGATE"), (arn, "MANAGED_INSTANCES"), ("demo", "external")] {
            let told = identity(own(&[]), json!({"Cluster": cluster, "LaunchType": launch_type}));
            assert_eq!(told.cluster.as_deref(), Some(cluster));
            assert_eq!(told.launch_type.as_deref(), Some(launch_type));
        }
        assert_eq!(identity(own(&[]), json!({"TaskARN": "arn"})).launch_type, None);
    }

    #[test]
    fn an_identity_is_complete_with_arn_cluster_and_address_and_empty_without_anything() {
        let complete = || identity(own(&[awsvpc(&[IP])]), task(&[]));
        assert!(is_complete(&complete()) && !is_empty(&complete()));
        let lacking = [
            TaskIdentity { task_arn: None, ..complete() },
            TaskIdentity { cluster: None, ..complete() },
            TaskIdentity { ip_address: None, ..complete() },
        ];
        assert!(lacking.iter().all(|identity| !is_complete(identity) && !is_empty(identity)));
        assert!(is_complete(&TaskIdentity { launch_type: None, service_name: None, ..complete() }));
        assert!(is_empty(&identity(json!({}), json!({}))));
    }
}
