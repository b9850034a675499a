//! From the endpoint's documents to a task's identity. Nothing but data in, data out.

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

/// Whether nothing is missing that ECS always tells sooner or later: the rest may be absent for good.
pub(super) fn is_complete(identity: &TaskIdentity) -> bool {
    identity.task_arn.is_some() && identity.cluster.is_some() && identity.ip_address.is_some()
}

/// Whether the documents said nothing at all, which no task's documents do.
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

/// The first IPv4 address, else the first IPv6 address.
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
