//! What both services must agree on: the identity of an ECS task, which private-service returns and frontend-api passes
//! on, and the problems that private-service reports instead.

use serde::{Deserialize, Serialize};

use crate::http::problem::{Kind, Retry};

/// private-service has no metadata endpoint to read.
pub static TASK_METADATA_NOT_CONFIGURED: Kind = Kind {
    slug: "task-metadata-not-configured",
    status: 503,
    title: "No task metadata endpoint",
    meaning: "ECS_CONTAINER_METADATA_URI_V4 is not set, so the service cannot know its task. ECS sets it in every container \
              (Fargate platform 1.4.0 or later, container agent 1.39.0 or later).",
    retry: Retry::Never,
};

/// private-service's metadata endpoint gives no usable answer.
pub static TASK_METADATA_UNAVAILABLE: Kind = Kind {
    slug: "task-metadata-unavailable",
    status: 503,
    title: "Task metadata unavailable",
    meaning: "The ECS task metadata endpoint gave no usable answer, and there is no earlier answer to serve. The service's \
              log has the cause.",
    retry: Retry::Later,
};

/// The identity of a task. What ECS does not report is null. Every key is present, because otherwise any JSON object would
/// pass for an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct TaskIdentity {
    /// The task's ARN.
    #[schema(example = "arn:aws:ecs:us-east-1:123456789012:task/demo/1f3a", required = true)]
    #[serde(deserialize_with = "Option::deserialize")]
    pub task_arn: Option<String>,
    /// The cluster: a short name or an ARN.
    #[schema(example = "demo", required = true)]
    #[serde(deserialize_with = "Option::deserialize")]
    pub cluster: Option<String>,
    /// Such as FARGATE, EC2 or EXTERNAL.
    #[schema(example = "FARGATE", required = true)]
    #[serde(deserialize_with = "Option::deserialize")]
    pub launch_type: Option<String>,
    /// The ECS service that the task belongs to, otherwise the name of the container.
    #[schema(example = "privateservice", required = true)]
    #[serde(deserialize_with = "Option::deserialize")]
    pub service_name: Option<String>,
    /// The address of the container that answers.
    #[schema(example = "10.0.1.23", required = true)]
    #[serde(deserialize_with = "Option::deserialize")]
    pub ip_address: Option<String>,
}
