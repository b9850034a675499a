//! Configuration → DNS → TCP → TLS → credentials → reading the secret.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_common::telemetry::chain;
use futures_util::future::{BoxFuture, FutureExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::aws::{
    CONFIGURATION_LIMIT, CREDENTIALS_LIMIT, common_cause, credentials, describe, no_credentials, plan, region,
};
use super::{iam, reach, values};
use crate::aws::failure::{Failure, Refusal};
use crate::database::{CredentialsError, CredentialsProvider, SecretProblem, SecretsManager};
use crate::doctor::Check;
use crate::doctor::causes::{
    AWS_SLOW, Cause, NOT_AWS, REGION_MISMATCH, REGION_MISSING, SECRET_ACCESS_DENIED, SECRET_DELETED, SECRET_DISABLED,
    SECRET_ENGINE, SECRET_ID_INVALID, SECRET_KMS_DENIED, SECRET_LACKS_KEY, SECRET_NOT_FOUND, SECRET_NOT_JSON,
    SECRET_PORT, SECRET_REFUSED, SECRET_UNREADABLE, SECRET_WITHOUT_VERSION,
};
use crate::doctor::place::shown;
use crate::doctor::report::CheckReport;
use crate::doctor::stage::StageName;
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found, Walk};

const READ_LIMIT: Duration = Duration::from_secs(4);
const REACH_LIMIT: Duration = Duration::from_millis(800);

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
    let plan = plan(service.endpoint(), StageName::Read).await;
    let mut walk = Walk::new(Subject::SecretsManager, &plan, deadline);
    stages(&mut walk, id, service, provider).await;
    walk.finish()
}

async fn stages(walk: &mut Walk, id: &str, service: &SecretsManager, provider: &CredentialsProvider) -> Option<()> {
    let probe = configuration(id, service);
    let endpoint = walk.stage(StageName::Configuration, CONFIGURATION_LIMIT, &REGION_MISSING, probe).await?;
    walk.target(shown(&endpoint));
    reach(walk, &endpoint).await?;
    let probe = async { credentials(service.sdk().await).await };
    walk.stage(StageName::Credentials, CREDENTIALS_LIMIT, no_credentials(), probe).await?;
    let read = async {
        let read = match provider.read().await {
            Ok(read) => read,
            Err(error) => return Err(fault(&error, service).await),
        };
        let seen = format!("{id} names {}:{}{}", read.host, read.port, read.version_summary());
        values::judge(&read, Found::new((), seen))
    };
    walk.stage(StageName::Read, READ_LIMIT, &AWS_SLOW, read).await
}

async fn configuration(id: &str, service: &SecretsManager) -> Result<Found<Url>, Fault> {
    let region = region(service.sdk().await)?;
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

/// Returns what a failure to read the secret means. The SDK has no type for a missing region and for missing credentials
/// that outlives its wrapping, so these are looked at again.
pub(super) async fn fault(error: &CredentialsError, service: &SecretsManager) -> Fault {
    let source = match error {
        CredentialsError::Read { source, .. } => source,
        CredentialsError::Token(error) => return iam::fault(error),
        CredentialsError::Content { problem: SecretProblem::NotJson, .. } => {
            return Fault::new(&SECRET_NOT_JSON, chain(error));
        }
        CredentialsError::Content { problem: SecretProblem::Port, .. } => {
            return Fault::new(&SECRET_PORT, chain(error));
        }
        CredentialsError::Content { problem: SecretProblem::Engine, .. } => {
            return Fault::new(&SECRET_ENGINE, chain(error));
        }
        CredentialsError::Content { problem: SecretProblem::Lacks(_), .. } => {
            return Fault::new(&SECRET_LACKS_KEY, chain(error));
        }
    };
    match Failure::of(source) {
        Failure::Refused(refusal) => Fault::new(refusal_cause(&refusal), describe(&refusal)),
        Failure::Foreign(status) => Fault::new(&NOT_AWS, format!("status {status}, without an AWS error code")),
        Failure::TimedOut | Failure::NotSent(_) if service.endpoint().await.is_none() => {
            Fault::new(&REGION_MISSING, "no region")
        }
        Failure::NotSent(text) => match credentials(service.sdk().await).await {
            Err(fault) => fault,
            Ok(_) => Fault::new(&SECRET_UNREADABLE, text),
        },
        Failure::TimedOut if is_reachable(service).await => Fault::new(&AWS_SLOW, "no answer in time"),
        Failure::TimedOut => Fault::new(&SECRET_UNREADABLE, "no connection in time"),
    }
}

/// The SDK does not distinguish a connection that was not made from an answer that did not arrive.
async fn is_reachable(service: &SecretsManager) -> bool {
    let Some(url) = service.endpoint().await else { return false };
    let Some((host, port)) = url.host_str().zip(url.port_or_known_default()) else { return false };
    timeout(REACH_LIMIT, TcpStream::connect((host.trim_matches(['[', ']']), port)))
        .await
        .is_ok_and(|dialled| dialled.is_ok())
}

fn refusal_cause(refusal: &Refusal) -> &'static Cause {
    let says = |text: &str| refusal.message.contains(text);
    match refusal.code.as_str() {
        "ResourceNotFoundException" if says("staging label") => &SECRET_WITHOUT_VERSION,
        "ResourceNotFoundException" => &SECRET_NOT_FOUND,
        "ValidationException" | "InvalidParameterException" => &SECRET_ID_INVALID,
        "InvalidRequestException" => &SECRET_DELETED,
        "DecryptionFailure" => &SECRET_DISABLED,
        _ => match common_cause(refusal) {
            Some(cause) => cause,
            None if refusal.code == "AccessDeniedException" && says("KMS") => &SECRET_KMS_DENIED,
            None if refusal.code == "AccessDeniedException" => &SECRET_ACCESS_DENIED,
            None => &SECRET_REFUSED,
        },
    }
}
