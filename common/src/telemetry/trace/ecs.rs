//! The attributes of the ECS task in which this process runs, for every span, so that X-Ray shows the node as an ECS task.

use std::time::Duration;

use opentelemetry::KeyValue;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::http::client::{self, BodyError};
use crate::telemetry::chain;

/// Limit for both documents together; the start of the process waits for them.
const READ_LIMIT: Duration = Duration::from_secs(1);
const LONGEST_DOCUMENT: usize = 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Task {
    cluster: Option<String>,
    #[serde(rename = "TaskARN")]
    arn: Option<String>,
    family: Option<String>,
    revision: Option<String>,
    availability_zone: Option<String>,
    launch_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    #[serde(rename = "ContainerARN")]
    arn: Option<String>,
    #[serde(rename = "DockerId")]
    id: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("the endpoint can't be read")]
    Http(#[from] reqwest::Error),
    #[error("the answer can't be read")]
    Body(#[from] BodyError),
    #[error("the answer is not a metadata document")]
    Document(#[from] serde_json::Error),
}

/// Parses the value of `ECS_CONTAINER_METADATA_URI_V4`. The error does not quote the value: it could hold a password by
/// mistake.
///
/// # Errors
/// When it is not an http or https URL without query and fragment.
pub fn metadata_endpoint(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text).map_err(|error| format!("is not a URL such as http://169.254.170.2/v4/<id>: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// (or https://)".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or a fragment: /task is appended to it".to_owned());
    }
    Ok(url)
}

/// Returns the task's attributes that the endpoint reports within a second.
pub(super) async fn attributes(endpoint: Option<&Url>) -> Vec<KeyValue> {
    let Some(endpoint) = endpoint else { return Vec::new() };
    let base = endpoint.as_str().trim_end_matches('/');
    let read = async { tokio::join!(read::<Task>(format!("{base}/task")), read::<Container>(base.to_owned())) };
    let Ok((task, container)) = tokio::time::timeout(READ_LIMIT, read).await else {
        tracing::warn!("spans do not name the ECS task: its metadata endpoint did not answer in time");
        return Vec::new();
    };
    let problem = task.as_ref().err().or(container.as_ref().err());
    if let Some(error) = problem {
        tracing::warn!(cause = chain(error), "spans do not name all of the ECS task");
    }
    name(&task.unwrap_or_default(), &container.unwrap_or_default())
}

async fn read<T: DeserializeOwned>(url: String) -> Result<T, ReadError> {
    let answer = client::builder(READ_LIMIT).build()?.get(url).send().await?.error_for_status()?;
    Ok(serde_json::from_slice(&client::read_body(answer, LONGEST_DOCUMENT).await?)?)
}

/// Returns what the documents report, by OpenTelemetry's names.
fn name(task: &Task, container: &Container) -> Vec<KeyValue> {
    // arn:aws:ecs:us-west-2:111122223333:task/cluster/158d1c8083dd49d6b527399fd6414f5c
    let arn: Vec<&str> = task.arn.as_deref().unwrap_or_default().splitn(6, ':').collect();
    let (prefix, instance) = match arn[..] {
        [_, partition, _, region, account, task] => {
            (Some((partition, region, account)), task.rsplit('/').next().map(ToOwned::to_owned))
        }
        _ => (None, None),
    };
    let cluster = task.cluster.as_ref().map(|name| match prefix {
        Some((partition, region, account)) if !name.starts_with("arn:") => {
            format!("arn:{partition}:ecs:{region}:{account}:cluster/{name}")
        }
        _ => name.clone(),
    });
    let attributes = [
        ("cloud.provider", Some("aws".to_owned())),
        ("cloud.platform", Some("aws_ecs".to_owned())),
        ("cloud.region", prefix.map(|(_, region, _)| region.to_owned())),
        ("cloud.account.id", prefix.map(|(_, _, account)| account.to_owned())),
        ("cloud.availability_zone", task.availability_zone.clone()),
        ("aws.ecs.cluster.arn", cluster),
        ("aws.ecs.task.arn", task.arn.clone()),
        ("aws.ecs.task.family", task.family.clone()),
        ("aws.ecs.task.revision", task.revision.clone()),
        ("aws.ecs.launchtype", task.launch_type.as_ref().map(|kind| kind.to_lowercase())),
        ("aws.ecs.container.arn", container.arn.clone()),
        ("container.id", container.id.clone()),
        ("service.instance.id", instance),
    ];
    let known = attributes.into_iter().filter_map(|(name, value)| Some(KeyValue::new(name, value?)));
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fargate_task_is_named_as_xray_wants_it() {
        let task = serde_json::from_str(
            r#"{"Cluster": "default", "Family": "curltest", "Revision": "26", "LaunchType": "FARGATE", "New": 1,
                "TaskARN": "arn:aws:ecs:us-west-2:111122223333:task/default/158d1c80", "AvailabilityZone": "us-west-2a"}"#,
        );
        let container = serde_json::from_str(r#"{"DockerId": "ea32192c", "ContainerARN": "arn:aws:ecs:c"}"#);
        let attributes = name(&task.unwrap(), &container.unwrap());
        let value = |name: &str| attributes.iter().find(|a| a.key.as_str() == name).map(|a| a.value.to_string());
        for (name, expected) in [
            ("cloud.platform", "aws_ecs"),
            ("cloud.region", "us-west-2"),
            ("cloud.account.id", "111122223333"),
            ("aws.ecs.cluster.arn", "arn:aws:ecs:us-west-2:111122223333:cluster/default"),
            ("aws.ecs.launchtype", "fargate"),
            ("aws.ecs.task.revision", "26"),
            ("service.instance.id", "158d1c80"),
            ("container.id", "ea32192c"),
        ] {
            assert_eq!(value(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_password_in_the_endpoint_is_not_repeated_in_the_mistake() {
        for text in ["http://user:hunter2@host:port/v4/1", "ftp://user:hunter2@host/", "http://u:hunter2@h/?q"] {
            let mistake = metadata_endpoint(text).unwrap_err();
            assert!(!mistake.contains("hunter2"), "{mistake}");
        }
    }

    #[test]
    fn documents_that_tell_nothing_still_tell_that_it_is_ecs() {
        assert_eq!(name(&Task::default(), &Container::default()).len(), 2);
    }
}
