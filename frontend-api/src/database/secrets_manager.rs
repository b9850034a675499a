//! Secrets Manager through the AWS SDK: region, credentials and endpoints are found the SDK's own way, TLS is ours (ring).

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_types::service_config::ServiceConfigKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::OnceCell;
use url::Url;

/// All attempts of the SDK at one read of the secret, its own look-up of credentials included.
const READ_LIMIT: Duration = Duration::from_secs(5);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// The SDK's futures are kept on the heap: each has more than 20 kB.
///
/// Made at the first use: the SDK costs 3 MB that a service without a secret need not pay.
#[derive(Default)]
pub struct SecretsManager(OnceCell<(SdkConfig, Client)>);

impl SecretsManager {
    pub(super) async fn read(&self, id: &str) -> Result<GetSecretValueOutput, Box<SdkError<GetSecretValueError>>> {
        let (_, client) = self.0.get_or_init(|| Box::pin(connect())).await;
        Box::pin(client.get_secret_value().secret_id(id).send()).await.map_err(Box::new)
    }

    /// What the SDK found in environment and profile.
    pub async fn sdk(&self) -> &SdkConfig {
        &self.0.get_or_init(|| Box::pin(connect())).await.0
    }

    /// Where the SDK sends its requests: `AWS_ENDPOINT_URL*` or the profile's, else the region's own.
    pub async fn endpoint(&self) -> Option<Url> {
        let sdk = self.sdk().await;
        let key = ServiceConfigKey::builder()
            .service_id("Secrets Manager")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        let given = sdk.service_config().and_then(|config| config.load_config(key));
        if let Some(url) = given.as_deref().or(sdk.endpoint_url()) {
            return Url::parse(url).ok();
        }
        let region = sdk.region()?.as_ref();
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        Url::parse(&format!("https://secretsmanager.{region}.{suffix}")).ok()
    }
}

async fn connect() -> (SdkConfig, Client) {
    let tls = TlsContext::builder().with_trust_store(public_roots()).build().expect("a store of roots is all it needs");
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https();
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_LIMIT).operation_timeout(READ_LIMIT).build();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts).load().await;
    let client = Client::new(&sdk);
    (sdk, client)
}

/// Those of all our other clients, so that no certificates are needed in the file system, and so that the doctor judges
/// an endpoint as the SDK does.
fn public_roots() -> TrustStore {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().fold(TrustStore::empty(), |store, der| {
        let body = STANDARD.encode(der);
        store.with_pem_certificate(format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"))
    })
}
