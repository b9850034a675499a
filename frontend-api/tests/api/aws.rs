//! A stand-in for Secrets Manager, and PostgreSQL credentials to keep in it.

use std::sync::{Arc, Mutex};

use causeway_test_support::postgres::OwnPostgres;
use serde_json::{Value, json};
use tokio_postgres::Config;
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:demo/database-AbCdEf";

/// Speaks the protocol of Secrets Manager for one secret; its answer can change between two requests.
pub struct SecretsManager {
    server: MockServer,
    answer: Answer,
}

#[derive(Clone)]
struct Answer(Arc<Mutex<ResponseTemplate>>);

impl Respond for Answer {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        self.0.lock().unwrap().clone()
    }
}

impl SecretsManager {
    /// Denies access until there is something to tell.
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let answer = Answer(Arc::new(Mutex::new(denial())));
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

    /// From now on access is denied.
    pub fn denies(&self) {
        self.answers(denial());
    }

    pub fn answers(&self, answer: ResponseTemplate) {
        *self.answer.0.lock().unwrap() = answer;
    }

    /// How often the secret was asked for.
    pub async fn reads(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }

    pub fn url(&self) -> String {
        self.server.uri()
    }
}

fn aws_json(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/x-amz-json-1.1")
}

fn denial() -> ResponseTemplate {
    let message = "User: arn:aws:sts::123456789012:assumed-role/demo is not authorized";
    aws_json(400, &json!({"__type": "AccessDeniedException", "Message": message}))
}

/// The environment of App Runner, with this Secrets Manager.
pub fn on_app_runner(secrets_manager: &str) -> [(&str, &str); 7] {
    [
        ("APPRUNNERSERVICE", "demo"),
        ("DBSECRETSNAME", SECRET),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "key-of-aws-itself"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets_manager),
        ("DB_SSLMODE", "disable"),
    ]
}

/// A secret as RDS writes it, for a role of this server.
pub fn secret_of(server: &OwnPostgres, role: &str, password: &str) -> String {
    json!({
        "dbClusterIdentifier": "demo", "engine": "postgres", "host": "127.0.0.1", "port": server.port(),
        "dbname": "postgres", "username": role, "password": password,
    })
    .to_string()
}

/// The superuser's password.
pub fn password_of(server: &OwnPostgres) -> String {
    let config: Config = server.url().parse().unwrap();
    String::from_utf8(config.get_password().unwrap().to_vec()).unwrap()
}
