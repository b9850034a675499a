//! Secrets Manager with one secret, whose answer can change between two requests.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpResponse, guard};
use serde_json::{Value, json};

use crate::server::{self, Server};

/// The secret's ARN.
pub const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:demo/database-AbCdEf";
/// The secret's name.
pub const NAME: &str = "demo/database";

const JSON: &str = "application/x-amz-json-1.1";

/// The state of the one secret.
#[derive(Debug)]
pub struct Secret {
    answer: Mutex<(StatusCode, String)>,
    reads: AtomicUsize,
    versions: AtomicUsize,
}

impl Default for Secret {
    /// Does not exist until it gets a value.
    fn default() -> Self {
        let unknown = failure("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
        Self { answer: Mutex::new(unknown), reads: AtomicUsize::new(0), versions: AtomicUsize::new(0) }
    }
}

impl Secret {
    /// Gives the secret a new version with this value.
    pub fn tells(&self, secret: &str) {
        let version = self.versions.fetch_add(1, Ordering::Relaxed) + 1;
        let body = json!({
            "ARN": SECRET, "Name": NAME, "VersionId": format!("00000000-0000-4000-8000-{version:012}"),
            "VersionStages": ["AWSCURRENT"], "CreatedDate": 1_700_000_000.5, "SecretString": secret,
        });
        self.answers(200, &body.to_string());
    }

    /// Fails from now on with this code and message.
    pub fn fails(&self, code: &str, message: &str) {
        *self.lock() = failure(code, message);
    }

    /// Sends this status and body from now on.
    pub fn answers(&self, status: u16, body: &str) {
        *self.lock() = (StatusCode::from_u16(status).expect("the test names an HTTP status"), body.to_owned());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (StatusCode, String)> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, id: Option<&str>) -> (StatusCode, String) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        match id {
            Some(SECRET | NAME) => self.lock().clone(),
            _ => failure("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
        }
    }
}

fn failure(code: &str, message: &str) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, json!({"__type": code, "Message": message}).to_string())
}

/// Adds the routes of Secrets Manager.
pub fn routes(config: &mut ServiceConfig, secret: Data<Secret>) {
    let is_read = guard::Header("x-amz-target", "secretsmanager.GetSecretValue");
    config.app_data(secret).route("/", web::post().guard(is_read).to(get_secret_value));
}

async fn get_secret_value(secret: Data<Secret>, body: Bytes) -> HttpResponse {
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, body) = secret.read(request["SecretId"].as_str());
    HttpResponse::build(status).content_type(JSON).body(body)
}

/// A Secrets Manager of one test's own.
#[derive(Debug)]
pub struct SecretsManager {
    server: Server,
    secret: Data<Secret>,
}

impl SecretsManager {
    /// Starts it on a free port of 127.0.0.1. The secret does not exist yet.
    ///
    /// # Errors
    /// No port can be opened.
    pub fn try_start() -> io::Result<Self> {
        let secret = Data::new(Secret::default());
        let shared = secret.clone();
        let server = Server::start(server::listen()?, move |config| routes(config, shared.clone()))?;
        Ok(Self { server, secret })
    }

    /// Does the same for a test.
    #[expect(clippy::unused_async, reason = "it needs a runtime, and must not be called without one")]
    pub async fn start() -> Self {
        Self::try_start().expect("a free port")
    }

    /// Gives the secret a new version with this value.
    pub fn tells(&self, secret: &str) {
        self.secret.tells(secret);
    }

    /// Fails from now on with this code and message.
    pub fn fails(&self, code: &str, message: &str) {
        self.secret.fails(code, message);
    }

    /// Sends this status and body from now on.
    pub fn answers(&self, status: u16, body: &str) {
        self.secret.answers(status, body);
    }

    /// Denies access from now on.
    pub fn denies(&self) {
        self.fails("AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/demo is not authorized");
    }

    /// Returns how often a secret was asked for.
    pub fn reads(&self) -> usize {
        self.secret.reads.load(Ordering::Relaxed)
    }

    /// Returns its base URL.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }
}

/// Returns a secret as RDS writes it.
pub fn rds_secret(host: &str, port: u16, user: &str, password: &str) -> String {
    json!({
        "dbClusterIdentifier": "demo", "engine": "postgres", "host": host, "port": port, "dbname": "postgres",
        "username": user, "password": password,
    })
    .to_string()
}

/// Returns the environment of App Runner with this Secrets Manager, and nothing of the machine's own AWS configuration.
pub fn on_app_runner(endpoint: &str) -> [(&'static str, &str); 8] {
    [
        ("APPRUNNERSERVICE", "demo"),
        ("DBSECRETSNAME", SECRET),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", crate::ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", crate::SECRET_ACCESS_KEY),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("HOME", "/nonexistent"),
    ]
}
