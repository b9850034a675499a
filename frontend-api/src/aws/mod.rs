//! The AWS SDK's configuration, shared by all clients of AWS. The SDK finds region, credentials and endpoints in its own
//! way; TLS is the service's (ring).

pub mod failure;
pub mod s3;
pub mod secrets_manager;
pub mod spans;
pub mod token;

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_types::service_config::ServiceConfigKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::OnceCell;
use url::Url;

const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Made at the first use, because the SDK needs memory that a service without AWS can save.
#[derive(Default)]
pub struct Aws(OnceCell<SdkConfig>);

/// One of AWS's services, as the SDK's configuration names it.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The name that profiles have for it.
    pub id: &'static str,
    /// Its host's first label.
    pub host: &'static str,
}

impl Aws {
    /// Returns what the SDK found in environment and profile.
    pub async fn sdk(&self) -> &SdkConfig {
        // On the heap: the SDK's futures have more than 20 kB each.
        self.0.get_or_init(|| Box::pin(load())).await
    }

    /// Returns where requests to `service` are sent: `AWS_ENDPOINT_URL*` or the profile's, otherwise the region's own.
    pub async fn endpoint(&self, service: Service) -> Option<Url> {
        let sdk = self.sdk().await;
        let key = ServiceConfigKey::builder()
            .service_id(service.id)
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
        Url::parse(&format!("https://{}.{region}.{suffix}", service.host)).ok()
    }
}

/// Returns true if the platform names an endpoint for the credentials of a role, as ECS and App Runner do.
pub fn has_role_endpoint() -> bool {
    ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

async fn load() -> SdkConfig {
    let tls = TlsContext::builder().with_trust_store(public_roots()).build().expect("a store of roots is all it needs");
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https();
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_LIMIT).build();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts).load().await
}

/// The roots of all other clients, so that the file system needs no certificates, and the doctor judges an endpoint as the
/// SDK does.
fn public_roots() -> TrustStore {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().fold(TrustStore::empty(), |store, der| {
        let body = STANDARD.encode(der);
        store.with_pem_certificate(format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"))
    })
}
