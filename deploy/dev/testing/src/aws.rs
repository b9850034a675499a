//! A stand-in for Secrets Manager that keeps one secret.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The secret's ARN.
pub const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:demo/database-AbCdEf";
/// The secret part of the access key that [`on_app_runner`] sets.
pub const SECRET_ACCESS_KEY: &str = "key-of-aws-itself";

/// Speaks the protocol of Secrets Manager; its answer can change between two requests.
#[derive(Debug)]
pub struct SecretsManager {
    server: MockServer,
    answer: Answer,
}

#[derive(Debug, Clone)]
struct Answer(Arc<Mutex<ResponseTemplate>>);

impl Respond for Answer {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        self.0.lock().expect("no holder of this lock panics").clone()
    }
}

impl SecretsManager {
    /// Has no such secret until it is told one.
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let unknown = failure("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
        let answer = Answer(Arc::new(Mutex::new(unknown)));
        Mock::given(method("POST"))
            .and(path("/"))
            .and(header("x-amz-target", "secretsmanager.GetSecretValue"))
            .and(body_partial_json(json!({"SecretId": SECRET})))
            .respond_with(answer.clone())
            .mount(&server)
            .await;
        Self { server, answer }
    }

    /// From now on the secret has this value.
    pub fn tells(&self, secret: &str) {
        let body = json!({
            "ARN": SECRET, "Name": "demo/database", "VersionId": "a-version", "VersionStages": ["AWSCURRENT"],
            "CreatedDate": 1_700_000_000.5, "SecretString": secret,
        });
        self.answers(aws_json(200, &body));
    }

    /// From now on it fails with this code and message.
    pub fn fails(&self, code: &str, message: &str) {
        self.answers(failure(code, message));
    }

    /// From now on it answers so.
    pub fn answers(&self, answer: ResponseTemplate) {
        *self.answer.0.lock().expect("no holder of this lock panics") = answer;
    }

    /// From now on access is denied.
    pub fn denies(&self) {
        self.fails("AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/demo is not authorized");
    }

    /// How often the secret was asked for.
    ///
    /// # Panics
    /// Never: the stand-in records its requests.
    pub async fn reads(&self) -> usize {
        self.server.received_requests().await.expect("requests are recorded").len()
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        *self.server.address()
    }
}

fn aws_json(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/x-amz-json-1.1")
}

fn failure(code: &str, message: &str) -> ResponseTemplate {
    aws_json(400, &json!({"__type": code, "Message": message}))
}

/// A secret as RDS writes it.
pub fn rds_secret(host: &str, port: u16, user: &str, password: &str) -> String {
    json!({
        "dbClusterIdentifier": "demo", "engine": "postgres", "host": host, "port": port, "dbname": "postgres",
        "username": user, "password": password,
    })
    .to_string()
}

/// The environment of App Runner, with this Secrets Manager, and nothing of the machine's own AWS configuration.
pub fn on_app_runner(endpoint: &str) -> [(&'static str, &str); 8] {
    [
        ("APPRUNNERSERVICE", "demo"),
        ("DBSECRETSNAME", SECRET),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("HOME", "/nonexistent"),
    ]
}
