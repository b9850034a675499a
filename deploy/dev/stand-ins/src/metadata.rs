//! Task metadata, version 4, of a task whose only container has the caller's address: every replica gets its own.

use std::net::IpAddr;

const ACCOUNT: &str = "arn:aws:ecs:eu-west-1:123456789012";

pub(crate) fn task(address: IpAddr) -> String {
    let (id, container) = (id(address), container(address));
    format!(
        r#"{{"Cluster":"{ACCOUNT}:cluster/compose","TaskARN":"{ACCOUNT}:task/compose/{id}","Family":"privateservice","Revision":"1","DesiredStatus":"RUNNING","KnownStatus":"RUNNING","LaunchType":"FARGATE","ServiceName":"privateservice","Containers":[{container}]}}"#
    )
}

pub(crate) fn container(address: IpAddr) -> String {
    let id = id(address);
    format!(
        r#"{{"DockerId":"{id}-1","Name":"privateservice","Labels":{{"com.amazonaws.ecs.cluster":"{ACCOUNT}:cluster/compose","com.amazonaws.ecs.task-arn":"{ACCOUNT}:task/compose/{id}"}},"DesiredStatus":"RUNNING","KnownStatus":"RUNNING","Type":"NORMAL","Networks":[{{"NetworkMode":"awsvpc","IPv4Addresses":["{address}"]}}]}}"#
    )
}

/// Looks like a task's id and is the same for the same address.
fn id(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("{:032x}", u32::from(address)),
        IpAddr::V6(address) => format!("{:032x}", u128::from(address)),
    }
}
