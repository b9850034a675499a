//! Tokens that log in to a database instead of a password: a presigned request that is never sent.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tracing::subscriber::{NoSubscriber, with_default};
use url::{Url, form_urlencoded};

use super::Aws;

/// AWS accepts no longer one. It limits the log-in; a session that has begun goes on.
const LIFE: Duration = Duration::from_secs(900);
/// For the credentials, which a role's endpoint or a file has.
const CREDENTIALS_LIMIT: Duration = Duration::from_secs(5);
/// Credentials are replaced this long before they expire, as the SDK's own clients do.
const EARLY: Duration = Duration::from_secs(300);
const SCHEME: &str = "https://";

/// Who logs in, and where.
#[derive(Debug, Clone, Copy)]
pub struct LogIn<'a> {
    /// The database's own name: AWS refuses a token for an alias.
    pub host: &'a str,
    /// TCP port.
    pub port: u16,
    /// The role in the database.
    pub user: &'a str,
    /// The region of the database.
    pub region: &'a str,
    /// What the token is for.
    pub service: Service,
}

/// The services whose databases take tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Aurora and RDS. The token is for one user.
    Rds,
    /// Aurora DSQL. The token is for every user that the cluster maps to the role, except the admin.
    Dsql,
}

/// A signed token.
#[derive(Debug)]
pub struct Token {
    /// What is sent as the password.
    pub text: SecretString,
    /// When it expires: after 15 minutes, or earlier with the credentials that signed it.
    pub until: SystemTime,
}

/// Why there is no token. Holds nothing secret.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The SDK knows no way to credentials.
    #[error("there is no provider of AWS credentials")]
    NoProvider,
    /// Looking for credentials took too long.
    #[error("no AWS credentials were found in time")]
    TimedOut,
    /// There are no credentials.
    #[error("no AWS credentials were found")]
    NoCredentials(#[source] CredentialsError),
    /// Host, user or region can't be part of a request.
    #[error("a token for this host, user and region can't be signed")]
    Unsignable,
}

/// Signs tokens with the credentials that the SDK finds.
pub struct Signer {
    aws: Arc<Aws>,
    /// Those of a role, until they are about to expire. The lock is held while they are looked for, so that one look serves all.
    known: Mutex<Option<Credentials>>,
}

impl Signer {
    /// Looks for nothing yet.
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws, known: Mutex::default() }
    }

    /// Returns the SDK's configuration.
    pub async fn sdk(&self) -> &aws_config::SdkConfig {
        self.aws.sdk().await
    }

    /// Signs a token for one log-in.
    ///
    /// # Errors
    /// When there are no credentials, or the request can't be written.
    pub async fn sign(&self, log_in: LogIn<'_>) -> Result<Token, TokenError> {
        let credentials = self.credentials().await?;
        token(log_in, credentials, SystemTime::now())
    }

    /// Looks for credentials again at the next token: the database has refused one.
    pub async fn distrust(&self) {
        self.known.lock().await.take();
    }

    async fn credentials(&self) -> Result<Credentials, TokenError> {
        let mut known = self.known.lock().await;
        let enough = SystemTime::now() + EARLY;
        if let Some(credentials) = known.as_ref().filter(|known| known.expiry().is_some_and(|expiry| expiry > enough)) {
            return Ok(credentials.clone());
        }
        // On the heap: the SDK's futures have more than 20 kB each.
        let found = Box::pin(async {
            let provider = self.sdk().await.credentials_provider().ok_or(TokenError::NoProvider)?;
            provider.provide_credentials().await.map_err(TokenError::NoCredentials)
        });
        let found = timeout(CREDENTIALS_LIMIT, found).await.map_err(|_| TokenError::TimedOut)??;
        Ok(known.insert(found).clone())
    }
}

/// Signs a token at this time, without a call. Logging is off meanwhile: at the level trace, the crate logs the session
/// token of the credentials.
fn token(log_in: LogIn<'_>, credentials: Credentials, now: SystemTime) -> Result<Token, TokenError> {
    with_default(NoSubscriber::default(), || {
        let expiry = credentials.expiry();
        let url = presigned(log_in, credentials, now)?;
        let text = url.strip_prefix(SCHEME).ok_or(TokenError::Unsignable)?;
        let until = expiry.map_or(now + LIFE, |expiry| expiry.min(now + LIFE));
        Ok(Token { text: text.into(), until })
    })
}

fn presigned(log_in: LogIn<'_>, credentials: Credentials, now: SystemTime) -> Result<String, TokenError> {
    let is_ipv6 = log_in.host.parse::<std::net::Ipv6Addr>().is_ok();
    let host = if is_ipv6 { format!("[{}]", log_in.host) } else { log_in.host.to_owned() };
    let (name, url) = match log_in.service {
        Service::Rds => {
            let user: String = form_urlencoded::byte_serialize(log_in.user.as_bytes()).collect();
            let user = user.replace('+', "%20");
            ("rds-db", format!("{SCHEME}{host}:{}/?Action=connect&DBUser={user}", log_in.port))
        }
        Service::Dsql => ("dsql", format!("{SCHEME}{host}/?Action=DbConnect")),
    };
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    settings.expires_in = Some(LIFE);
    settings.signature_location = SignatureLocation::QueryParams;
    let params = SigningParams::builder()
        .identity(&identity)
        .region(log_in.region)
        .name(name)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|_| TokenError::Unsignable)?
        .into();
    let request = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(&[]))
        .map_err(|_| TokenError::Unsignable)?;
    let (signed, _) = sign(request, &params).map_err(|_| TokenError::Unsignable)?.into_parts();
    let mut presigned = Url::parse(&url).map_err(|_| TokenError::Unsignable)?;
    for (name, value) in signed.params() {
        presigned.query_pairs_mut().append_pair(name, value);
    }
    Ok(presigned.into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const HOST: &str = "db.cluster-abc.eu-west-1.rds.amazonaws.com";

    fn signed(expiry: Option<SystemTime>) -> Token {
        let session = Some("a session/token+=".to_owned());
        let credentials = Credentials::new("AKIDEXAMPLE", "key-of-aws-itself", session, expiry, "test");
        let log_in = LogIn { host: HOST, port: 5432, user: "causeway app", region: "eu-west-1", service: Service::Rds };
        token(log_in, credentials, now()).unwrap()
    }

    /// 2026-01-02T03:04:05Z
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)
    }

    /// What `generate_presigned_url` of botocore 1.34 makes of the same.
    #[test]
    fn a_token_is_what_another_sdk_calculates() {
        let token = signed(None);
        let text = token.text.expose_secret();
        let begin = format!("{HOST}:5432/?Action=connect&DBUser=causeway%20app&X-Amz-Algorithm=AWS4-HMAC-SHA256");
        assert!(text.starts_with(&begin), "{text}");
        for part in [
            "X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Feu-west-1%2Frds-db%2Faws4_request",
            "X-Amz-Date=20260102T030405Z",
            "X-Amz-Expires=900",
            "X-Amz-SignedHeaders=host",
            "X-Amz-Signature=4c24e8ea1587b533f5b1d7f70a2b5528426320fb30660f272ffb509bfe594580",
        ] {
            assert!(text.split('&').any(|given| given == part), "{part} is not in {text}");
        }
    }

    /// What botocore makes of a cluster of DSQL, of which neither port nor user is a part.
    #[test]
    fn a_token_for_dsql_is_what_another_sdk_calculates() {
        let session = Some("a session/token+=".to_owned());
        let credentials = Credentials::new("AKIDEXAMPLE", "key-of-aws-itself", session, None, "test");
        let host = "abc.dsql.eu-west-1.on.aws";
        let log_in = LogIn { host, port: 5432, user: "app", region: "eu-west-1", service: Service::Dsql };
        let token = token(log_in, credentials, now()).unwrap();
        let text = token.text.expose_secret();
        assert!(text.starts_with(&format!("{host}/?Action=DbConnect&X-Amz-Algorithm=AWS4-HMAC-SHA256")), "{text}");
        let signature = "&X-Amz-Signature=4009e969c7e1ab813ed6666804190e36d195d84da9e1346732501b8f7d483a39";
        assert!(text.contains(signature), "{text}");
    }

    #[test]
    fn a_token_ends_after_a_quarter_of_an_hour_or_with_the_credentials() {
        assert_eq!(signed(None).until, now() + LIFE);
        assert_eq!(signed(Some(now() + LIFE * 2)).until, now() + LIFE);
        assert_eq!(signed(Some(now() + LIFE / 2)).until, now() + LIFE / 2);
    }

    #[test]
    fn neither_a_token_nor_an_error_tells_what_is_secret() {
        let shown = format!("{:?}", signed(None));
        assert!(!shown.contains("Signature") && !shown.contains("session"), "{shown}");
        let credentials = Credentials::new("AKIDEXAMPLE", "key-of-aws-itself", None, None, "test");
        let log_in = LogIn { host: "not a host", port: 5432, user: "app", region: "eu-west-1", service: Service::Rds };
        let error = token(log_in, credentials, now()).unwrap_err();
        assert_eq!(error.to_string(), "a token for this host, user and region can't be signed");
    }
}
