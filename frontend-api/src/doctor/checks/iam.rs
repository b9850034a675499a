//! What is special about a log-in with a token of IAM: the credentials that sign it, and the clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_common::telemetry::chain;
use reqwest::header::DATE;
use tokio::time::timeout_at;

use super::aws::{CREDENTIALS_LIMIT, absence, clock_of, is_far_off, no_credentials};
use crate::aws::failure::ahead;
use crate::aws::token::TokenError;
use crate::database::{Credentials, CredentialsError, CredentialsProvider};
use crate::doctor::causes::{
    CREDENTIALS_MISSING, DSQL_ACCESS_DENIED, HOST_MALFORMED, IAM_CLOCK_SKEWED, IAM_POLICY_MISSING, IAM_TOKEN_EXPIRED,
};
use crate::doctor::report::CheckReport;
use crate::doctor::stage::StageName;
use crate::doctor::walk::{Fault, Found, Walk};

/// Secrets Manager answers without a signature, too, and its answer has a date.
const CLOCK_LIMIT: Duration = Duration::from_secs(2);

/// Signs a token.
pub(super) async fn token(walk: &mut Walk, provider: &CredentialsProvider) -> Option<Arc<Credentials>> {
    let probe = async {
        match provider.current().await {
            Ok(credentials) => {
                let evidence = format!("a token for {}", credentials.summary());
                Ok(Found::new(credentials, evidence))
            }
            Err(CredentialsError::Token(error)) => Err(fault(&error)),
            Err(error) => Err(Fault::new(&CREDENTIALS_MISSING, chain(&error))),
        }
    };
    walk.stage(StageName::Credentials, CREDENTIALS_LIMIT, no_credentials(), probe).await
}

/// Returns what it means that no token can be signed.
pub(super) fn fault(error: &TokenError) -> Fault {
    let cause = match error {
        TokenError::NoProvider => &CREDENTIALS_MISSING,
        TokenError::TimedOut => no_credentials(),
        TokenError::NoCredentials(error) => absence(error),
        TokenError::Unsignable => &HOST_MALFORMED,
    };
    Fault::new(cause, chain(error))
}

/// The server does not say why it refuses a token. If this machine's clock differs from that of AWS, this is the reason.
pub(super) async fn suspect_clock(
    check: &mut CheckReport,
    provider: &CredentialsProvider,
    client: &reqwest::Client,
    deadline: Instant,
) {
    let refusals = [&IAM_POLICY_MISSING, &DSQL_ACCESS_DENIED, &IAM_TOKEN_EXPIRED];
    if !refusals.iter().any(|cause| check.failed_by(cause)) {
        return;
    }
    let Ok(Some(ahead)) = timeout_at(deadline.min(Instant::now() + CLOCK_LIMIT).into(), clock(provider, client)).await
    else {
        return;
    };
    if is_far_off(ahead) {
        for refusal in refusals {
            check.blame(refusal, &IAM_CLOCK_SKEWED, Some(&clock_of(ahead)));
        }
    }
}

/// Returns how far the clock of AWS is ahead of this machine's.
async fn clock(provider: &CredentialsProvider, client: &reqwest::Client) -> Option<time::Duration> {
    let url = provider.secrets_manager().endpoint().await?;
    let answer = client.get(url).send().await.ok()?;
    ahead(answer.headers().get(DATE)?.to_str().ok()?)
}
