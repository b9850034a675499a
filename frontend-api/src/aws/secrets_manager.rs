//! Reads secrets from AWS Secrets Manager.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use tokio::sync::OnceCell;
use url::Url;

use super::spans::traced;
use super::{Aws, Service};

/// Limit for all attempts of the SDK to read the secret once, including its look-up of credentials.
const READ_LIMIT: Duration = Duration::from_secs(5);
const SERVICE: Service = Service { id: "Secrets Manager", host: "secretsmanager" };

/// A client that is made at its first use.
pub struct SecretsManager {
    aws: Arc<Aws>,
    client: OnceCell<Client>,
}

impl SecretsManager {
    /// Nothing is read yet.
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws, client: OnceCell::new() }
    }

    /// Returns the current version of the secret with this ARN or name.
    ///
    /// # Errors
    /// The SDK's.
    pub async fn read(&self, id: &str) -> Result<GetSecretValueOutput, SdkError<GetSecretValueError>> {
        let client = self.client.get_or_init(async || client(self.sdk().await)).await;
        // On the heap: the SDK's futures have more than 20 kB each.
        traced("SecretsManager", "GetSecretValue", Box::pin(client.get_secret_value().secret_id(id).send())).await
    }

    /// Returns what the SDK found in environment and profile.
    pub async fn sdk(&self) -> &SdkConfig {
        self.aws.sdk().await
    }

    /// Returns where the SDK sends its requests.
    pub async fn endpoint(&self) -> Option<Url> {
        self.aws.endpoint(SERVICE).await
    }
}

fn client(sdk: &SdkConfig) -> Client {
    let limits = sdk.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
    Client::from_conf(Builder::from(sdk).timeout_config(limits.operation_timeout(READ_LIMIT).build()).build())
}
