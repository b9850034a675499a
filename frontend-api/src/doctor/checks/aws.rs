//! What the checks of AWS services share: credentials, and the causes of failed calls to any service.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use causeway_common::telemetry::chain;
use tokio::time::timeout;
use url::Url;

use crate::aws::failure::Refusal;
use crate::aws::has_role_endpoint;
use crate::doctor::causes::{
    AWS_FAILED, AWS_THROTTLED, CLOCK_SKEWED, CREDENTIALS_ENDPOINT, CREDENTIALS_MISSING, CREDENTIALS_REJECTED, Cause,
    DENIED_BY_ENDPOINT, DENIED_BY_ORGANIZATION, REGION_MISSING,
};
use crate::doctor::stage::StageName;
use crate::doctor::walk::{Fault, Found};

/// AWS accepts signatures that are at most 5 minutes old; if the clocks differ by nearly as much, they may be the cause.
const MOST_SKEW: time::Duration = time::Duration::minutes(4);

/// The SDK may have to look for a profile or ask the instance's metadata.
pub(super) const CONFIGURATION_LIMIT: Duration = Duration::from_secs(2);
pub(super) const CREDENTIALS_LIMIT: Duration = Duration::from_secs(3);

/// Returns the stages that lead to a service of AWS. TLS is one of them unless the endpoint is known to do without.
pub(super) async fn plan(endpoint: impl Future<Output = Option<Url>>, last: StageName) -> Vec<StageName> {
    // It may have to be looked for; the first stage says so when it takes too long.
    let endpoint = timeout(CONFIGURATION_LIMIT, endpoint).await.ok().flatten();
    let mut plan = vec![StageName::Configuration, StageName::Dns, StageName::Tcp];
    plan.extend(endpoint.as_ref().is_none_or(|url| url.scheme() == "https").then_some(StageName::Tls));
    plan.extend([StageName::Credentials, last]);
    plan
}

/// Returns the region that requests go to.
pub(super) fn region(sdk: &SdkConfig) -> Result<String, Fault> {
    let region = sdk.region().map(ToString::to_string).filter(|region| !region.is_empty());
    region.ok_or_else(|| Fault::new(&REGION_MISSING, "no region"))
}

/// Looks for credentials as the SDK does.
pub(super) async fn credentials(sdk: &SdkConfig) -> Result<Found<()>, Fault> {
    let Some(provider) = sdk.credentials_provider() else {
        return Err(Fault::new(&CREDENTIALS_MISSING, "no provider"));
    };
    match provider.provide_credentials().await {
        Ok(credentials) => Ok(Found::new((), format!("access key {}", abridged(credentials.access_key_id())))),
        Err(error) => Err(Fault::new(absence(&error), chain(&error))),
    }
}

/// Returns why the SDK found no credentials.
pub(super) fn absence(error: &CredentialsError) -> &'static Cause {
    // The SDK has more than one variant for an endpoint that it can't reach.
    let is_absent =
        matches!(error, CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_));
    if is_absent { &CREDENTIALS_MISSING } else { no_credentials() }
}

/// Returns the cause if there are no credentials.
pub(super) fn no_credentials() -> &'static Cause {
    if has_role_endpoint() { &CREDENTIALS_ENDPOINT } else { &CREDENTIALS_MISSING }
}

/// The first four characters say of which kind a key is (AKIA: static, ASIA: a role's), the last four which one.
fn abridged(id: &str) -> String {
    match (id.get(..4), id.len().checked_sub(4).and_then(|at| id.get(at..))) {
        (Some(kind), Some(end)) if id.len() >= 12 => format!("{kind}…{end}"),
        _ => "present".to_owned(),
    }
}

/// Returns what an error means that any service of AWS can answer. AWS has one code for all denials, and says in the
/// message which policy it was.
pub(super) fn common_cause(refusal: &Refusal) -> Option<&'static Cause> {
    let Refusal { code, message, status, clock, .. } = refusal;
    let is_skewed = clock.is_some_and(is_far_off);
    let says = |text: &str| message.contains(text);
    match code.as_str() {
        "RequestTimeTooSkewed" | "RequestExpired" => Some(&CLOCK_SKEWED),
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "AuthFailure" if is_skewed => Some(&CLOCK_SKEWED),
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "InvalidToken"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature" => Some(&CREDENTIALS_REJECTED),
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded" | "SlowDown" => {
            Some(&AWS_THROTTLED)
        }
        "AccessDeniedException" | "AccessDenied" if says("control policy") => Some(&DENIED_BY_ORGANIZATION),
        "AccessDeniedException" | "AccessDenied" if says("VPC endpoint policy") => Some(&DENIED_BY_ENDPOINT),
        _ if *status == 429 => Some(&AWS_THROTTLED),
        _ if *status >= 500 => Some(&AWS_FAILED),
        _ => None,
    }
}

/// Returns true if the clocks differ by so much that it may be why AWS refuses a signature.
pub(super) fn is_far_off(ahead: time::Duration) -> bool {
    ahead.abs() > MOST_SKEW
}

/// Code, message and, if it is far off, the clock.
pub(super) fn describe(refusal: &Refusal) -> String {
    let clock = refusal.clock.filter(|&ahead| is_far_off(ahead));
    let clock = clock.map_or_else(String::new, |ahead| format!("; {}", clock_of(ahead)));
    format!("{}: {}{clock}", refusal.code, refusal.message)
}

/// Says how far this machine's clock is off.
pub(super) fn clock_of(ahead: time::Duration) -> String {
    let direction = if ahead.is_positive() { "slow" } else { "fast" };
    format!("this machine's clock is {} s {direction}", ahead.abs().whole_seconds())
}
