//! Configuration → DNS → TCP → TLS → credentials → reading the secret.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::config::ProvideCredentials;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use causeway_common::telemetry::chain;
use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::timeout;
use url::Url;

use super::reach;
use crate::database::{CredentialsError, CredentialsProvider, SecretProblem, SecretsManager};
use crate::doctor::Check;
use crate::doctor::causes::{
    CREDENTIALS_MISSING, CREDENTIALS_REJECTED, REGION_MISMATCH, REGION_MISSING, SECRET_ACCESS_DENIED, SECRET_DISABLED,
    SECRET_KMS_DENIED, SECRET_LACKS_KEY, SECRET_NOT_FOUND, SECRET_NOT_JSON, SECRET_UNREADABLE,
};
use crate::doctor::place::shown;
use crate::doctor::report::CheckReport;
use crate::doctor::stage::StageName;
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found, Walk};

/// The SDK may have to look for a profile or ask the instance's metadata.
const CONFIGURATION_LIMIT: Duration = Duration::from_secs(2);
const CREDENTIALS_LIMIT: Duration = Duration::from_secs(3);
const READ_LIMIT: Duration = Duration::from_secs(4);

pub(super) struct SecretsManagerCheck {
    /// The secret's ARN or name.
    pub(super) id: String,
    pub(super) provider: Arc<CredentialsProvider>,
}

impl Check for SecretsManagerCheck {
    fn subject(&self) -> &Subject {
        &Subject::SecretsManager
    }

    fn run(&self, deadline: Instant) -> BoxFuture<'_, CheckReport> {
        check(&self.id, &self.provider, deadline).boxed()
    }
}

async fn check(id: &str, provider: &CredentialsProvider, deadline: Instant) -> CheckReport {
    let service = provider.secrets_manager();
    // It may have to be looked for; the stage below says so when it takes too long.
    let endpoint = timeout(CONFIGURATION_LIMIT, service.endpoint()).await.ok().flatten();
    let mut plan = vec![StageName::Configuration, StageName::Dns, StageName::Tcp];
    plan.extend(endpoint.as_ref().is_none_or(|url| url.scheme() == "https").then_some(StageName::Tls));
    plan.extend([StageName::Credentials, StageName::Read]);
    let mut walk = Walk::new(Subject::SecretsManager, &plan, deadline);
    stages(&mut walk, id, service, provider).await;
    walk.finish()
}

async fn stages(walk: &mut Walk, id: &str, service: &SecretsManager, provider: &CredentialsProvider) -> Option<()> {
    let probe = configuration(id, service);
    let endpoint = walk.stage(StageName::Configuration, CONFIGURATION_LIMIT, &REGION_MISSING, probe).await?;
    walk.target(shown(&endpoint));
    reach(walk, &endpoint).await?;
    walk.stage(StageName::Credentials, CREDENTIALS_LIMIT, &CREDENTIALS_MISSING, credentials(service)).await?;
    let read = async {
        let read = provider.read().await.map_err(|error| fault(&error))?;
        Ok(Found::new((), format!("{id} names {}:{}", read.host, read.port)))
    };
    walk.stage(StageName::Read, READ_LIMIT, &SECRET_UNREADABLE, read).await
}

async fn configuration(id: &str, service: &SecretsManager) -> Result<Found<Url>, Fault> {
    let region = service.sdk().await.region().map(ToString::to_string).filter(|region| !region.is_empty());
    let region = region.ok_or_else(|| Fault::new(&REGION_MISSING, "no region"))?;
    // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME
    if let Some(arn_region) = id.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2))
        && arn_region != region
    {
        return Err(Fault::new(&REGION_MISMATCH, format!("the secret is in {arn_region}, the client in {region}")));
    }
    match service.endpoint().await {
        Some(url) => Ok(Found::new(url, format!("region {region}"))),
        None => Err(Fault::new(&REGION_MISSING, "no usable endpoint")),
    }
}

async fn credentials(service: &SecretsManager) -> Result<Found<()>, Fault> {
    let missing = |seen: String| Fault::new(&CREDENTIALS_MISSING, seen);
    let provider = service.sdk().await.credentials_provider().ok_or_else(|| missing("no provider".to_owned()))?;
    let credentials = provider.provide_credentials().await.map_err(|error| missing(chain(&error)))?;
    Ok(Found::new((), format!("access key {}", abridged(credentials.access_key_id()))))
}

/// The first four characters say of which kind a key is (AKIA: static, ASIA: a role's), the last four which one.
fn abridged(id: &str) -> String {
    match (id.get(..4), id.len().checked_sub(4).and_then(|at| id.get(at..))) {
        (Some(kind), Some(end)) if id.len() >= 12 => format!("{kind}…{end}"),
        _ => "present".to_owned(),
    }
}

/// What a failure to read the secret means.
pub(super) fn fault(error: &CredentialsError) -> Fault {
    match error {
        CredentialsError::Read { source, .. } => read_fault(source),
        CredentialsError::Content { problem: SecretProblem::NotJson, .. } => Fault::new(&SECRET_NOT_JSON, chain(error)),
        CredentialsError::Content { .. } => Fault::new(&SECRET_LACKS_KEY, chain(error)),
    }
}

fn read_fault(error: &SdkError<GetSecretValueError>) -> Fault {
    let Some(service) = error.as_service_error() else {
        let text = chain(error);
        // The chain of providers has no type for this that outlives its wrapping.
        let cause = match () {
            () if text.contains("no credentials") || text.contains("CredentialsNotLoaded") => &CREDENTIALS_MISSING,
            () if text.contains("Missing Region") || text.contains("region must be set") => &REGION_MISSING,
            () => &SECRET_UNREADABLE,
        };
        return Fault::new(cause, text);
    };
    let (code, message) = (service.code().unwrap_or_default(), service.message().unwrap_or_default());
    let cause = match code {
        "AccessDeniedException" if message.contains("KMS") => &SECRET_KMS_DENIED,
        "AccessDeniedException" => &SECRET_ACCESS_DENIED,
        "ResourceNotFoundException" => &SECRET_NOT_FOUND,
        "InvalidRequestException" | "DecryptionFailure" => &SECRET_DISABLED,
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "IncompleteSignature" => &CREDENTIALS_REJECTED,
        _ => &SECRET_UNREADABLE,
    };
    Fault::new(cause, format!("{code}: {message}"))
}
