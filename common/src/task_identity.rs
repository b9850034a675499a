//! The identity of an ECS task: what private-service answers and frontend-api passes on.

use serde::{Deserialize, Serialize};

/// Who a task is. What ECS does not tell is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct TaskIdentity {
    /// The task's ARN.
    #[schema(example = "arn:aws:ecs:us-east-1:123456789012:task/demo/1f3a")]
    pub task_arn: Option<String>,
    /// The cluster: a short name or an ARN.
    #[schema(example = "demo")]
    pub cluster: Option<String>,
    /// Such as FARGATE, EC2 or EXTERNAL.
    #[schema(example = "FARGATE")]
    pub launch_type: Option<String>,
    /// The ECS service that the task belongs to, else the name of the container.
    #[schema(example = "privateservice")]
    pub service_name: Option<String>,
    /// The address of the container that answers.
    #[schema(example = "10.0.1.23")]
    pub ip_address: Option<String>,
}
