//! The identity of an ECS task: what private-service answers and frontend-api passes on.

use serde::{Deserialize, Serialize};

/// Who a task is. What ECS does not tell is null; no key is ever absent, or any JSON object would pass for an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct TaskIdentity {
    /// The task's ARN.
    #[schema(example = "arn:aws:ecs:us-east-1:123456789012:task/demo/1f3a")]
    #[serde(deserialize_with = "Option::deserialize")]
    pub task_arn: Option<String>,
    /// The cluster: a short name or an ARN.
    #[schema(example = "demo")]
    #[serde(deserialize_with = "Option::deserialize")]
    pub cluster: Option<String>,
    /// Such as FARGATE, EC2 or EXTERNAL.
    #[schema(example = "FARGATE")]
    #[serde(deserialize_with = "Option::deserialize")]
    pub launch_type: Option<String>,
    /// The ECS service that the task belongs to, else the name of the container.
    #[schema(example = "privateservice")]
    #[serde(deserialize_with = "Option::deserialize")]
    pub service_name: Option<String>,
    /// The address of the container that answers.
    #[schema(example = "10.0.1.23")]
    #[serde(deserialize_with = "Option::deserialize")]
    pub ip_address: Option<String>,
}
