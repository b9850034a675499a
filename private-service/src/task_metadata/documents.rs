//! The parts of the endpoint's documents that are read. AWS adds keys over time: unknown ones are ignored, and any may be
//! absent.

use serde::Deserialize;

/// `$ECS_CONTAINER_METADATA_URI_V4/task`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Task {
    /// A short name or an ARN.
    pub(super) cluster: Option<String>,
    #[serde(rename = "TaskARN")]
    pub(super) arn: Option<String>,
    /// Not a closed set; absent on old platforms.
    pub(super) launch_type: Option<String>,
    /// Only for a task of a service.
    pub(super) service_name: Option<String>,
    /// In no defined order, with containers that the task definition does not declare.
    pub(super) containers: Option<Vec<Container>>,
}

/// `$ECS_CONTAINER_METADATA_URI_V4`, and each of a task's containers.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Container {
    /// Empty for a container that does not exist yet.
    pub(super) docker_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) networks: Option<Vec<Network>>,
}

/// One network that a container is in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Network {
    #[serde(rename = "NetworkMode")]
    pub(super) mode: Option<String>,
    /// May hold empty strings.
    #[serde(rename = "IPv4Addresses")]
    pub(super) ipv4_addresses: Option<Vec<String>>,
    #[serde(rename = "IPv6Addresses")]
    pub(super) ipv6_addresses: Option<Vec<String>>,
}

impl Container {
    /// The container's networks; none if ECS does not report them.
    pub(super) fn networks(&self) -> impl Iterator<Item = &Network> {
        self.networks.iter().flatten()
    }
}
