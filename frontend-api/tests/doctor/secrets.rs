//! Secrets that can't be read or used: the verdict names Secrets Manager's own hop, not what the database makes of it.

use causeway_testing::aws::{SECRET, SecretsManager, on_app_runner, rds_secret};
use causeway_testing::network::Network;
use causeway_testing::ports;
use causeway_testing::proxy::TcpProxy;
use serde_json::{Value, json};

use crate::helpers::{DATABASE, PASSWORD, Run, SECRETS_MANAGER, doctor, doctor_in};
use crate::server::{ROLE, Server};

/// The doctor on App Runner, with these changes to its environment.
async fn doctor_on_app_runner(endpoint: &str, changes: &[(&str, &str)]) -> Run {
    doctor(&[&on_app_runner(endpoint)[..], &[("DB_SSLMODE", "disable")], changes].concat()).await
}

/// The check of Secrets Manager has the reason; the database's fails only because of it.
fn assert_blamed(run: &Run, stage: &str, code: &str) {
    run.assert_failed(SECRETS_MANAGER, stage, code).assert_verdict(SECRETS_MANAGER, stage, code);
    assert_eq!(run.stage(DATABASE, "secret")["outcome"], "failed", "{:#}", run.report);
}

#[tokio::test]
async fn the_secret_can_be_read_and_is_right() {
    let server = Server::start().await;
    let aws = SecretsManager::start().await;
    aws.tells(&server.secret(PASSWORD));
    let id = "ASIAIOSFODNN7EXAMPLE";
    let run = doctor_on_app_runner(&aws.url(), &[("AWS_ACCESS_KEY_ID", id)]).await;
    run.assert_healthy();
    assert_eq!(run.evidence(SECRETS_MANAGER, "credentials"), "access key ASIA…MPLE");
    assert!(!run.report.to_string().contains(id));
    let version = "version 00000000-0000-4000-8000-000000000001";
    assert_eq!(run.evidence(DATABASE, "secret"), format!("user app of database postgres, {version}"));
    let place = format!("{SECRET} names 127.0.0.1:{}, {version}", server.postgres.port());
    assert_eq!(run.evidence(SECRETS_MANAGER, "read"), place);
}

/// Secrets Manager answers each of these errors; the last run of the doctor.
async fn refused(code: &str, errors: &[(&str, &str)]) -> Option<Run> {
    let aws = SecretsManager::start().await;
    let mut last = None;
    for (name, message) in errors {
        aws.fails(name, message);
        let run = doctor_on_app_runner(&aws.url(), &[]).await;
        assert_blamed(&run, "read", code);
        run.assert_failed(DATABASE, "secret", code);
        assert_eq!(run.evidence(SECRETS_MANAGER, "read"), format!("{name}: {message}"));
        last = Some(run);
    }
    last
}

pub async fn there_is_no_such_secret() -> Option<Run> {
    let missing = ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    refused("secret-not-found", &[missing]).await
}

pub async fn the_role_may_not_read_the_secret() -> Option<Run> {
    let denied = "User: arn:aws:sts::123456789012:assumed-role/demo is not authorized to perform: \
                  secretsmanager:GetSecretValue because no identity-based policy allows it";
    refused("secret-access-denied", &[("AccessDeniedException", denied)]).await
}

pub async fn the_role_may_not_use_the_key() -> Option<Run> {
    refused("secret-kms-denied", &[("AccessDeniedException", "Access to KMS is not allowed")]).await
}

pub async fn the_key_is_disabled() -> Option<Run> {
    let disabled = "Secrets Manager can't decrypt the secret: the key is disabled.";
    refused("secret-disabled", &[("DecryptionFailure", disabled)]).await
}

pub async fn the_secret_is_to_be_deleted() -> Option<Run> {
    let deleted = "You can't perform this operation on the secret because it was marked for deletion.";
    refused("secret-deleted", &[("InvalidRequestException", deleted)]).await
}

pub async fn no_version_is_current() -> Option<Run> {
    let unlabelled = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
    refused("secret-without-version", &[("ResourceNotFoundException", unlabelled)]).await
}

pub async fn its_name_is_none_of_a_secret() -> Option<Run> {
    let errors = [
        ("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters"),
        ("InvalidParameterException", "The parameter name or value is incorrect."),
    ];
    refused("secret-id-invalid", &errors).await
}

pub async fn secrets_manager_refuses_for_another_reason() -> Option<Run> {
    refused("secret-refused", &[("PreconditionNotMetException", "something else")]).await
}

/// What every service of AWS can answer is named for Secrets Manager as it is for S3.
#[tokio::test]
async fn errors_that_all_services_of_aws_have() {
    let denied = "User: x is not authorized to perform: secretsmanager:GetSecretValue";
    let by_organization = format!("{denied} with an explicit deny in a service control policy");
    let by_endpoint = format!("{denied} because no VPC endpoint policy allows the action");
    refused("aws-throttled", &[("ThrottlingException", "Rate exceeded")]).await;
    refused("denied-by-organization", &[("AccessDeniedException", &by_organization)]).await;
    refused("denied-by-endpoint-policy", &[("AccessDeniedException", &by_endpoint)]).await;
    refused("clock-skewed", &[("RequestExpired", "Request has expired.")]).await;
    let aws = SecretsManager::start().await;
    for (status, body, code) in [
        (500, "{\"__type\": \"InternalServiceError\", \"Message\": \"x\"}", "aws-failed"),
        (429, "{\"__type\": \"Any\"}", "aws-throttled"),
        (502, "<html>Bad Gateway</html>", "not-aws"),
        (200, "<html>Sign in</html>", "not-aws"),
    ] {
        aws.answers(status, body);
        let run = doctor_on_app_runner(&aws.url(), &[]).await;
        assert_blamed(&run, "read", code);
        run.assert_failed(DATABASE, "secret", code);
    }
}

pub async fn the_credentials_are_not_accepted() -> Option<Run> {
    let errors = [
        ("UnrecognizedClientException", "The security token included in the request is invalid."),
        ("InvalidSignatureException", "The request signature does not match."),
        ("ExpiredTokenException", "The security token included in the request is expired"),
    ];
    refused("credentials-rejected", &errors).await
}

pub async fn secrets_manager_can_not_be_reached() -> Option<Run> {
    let run = doctor_on_app_runner(&format!("http://127.0.0.1:{}", ports::free().unwrap()), &[]).await;
    assert_blamed(&run, "tcp", "refused");
    run.assert_failed(DATABASE, "secret", "secret-unreadable");
    assert!(run.stage(DATABASE, "secret")["remedy"].as_str().unwrap().contains("interface endpoint"));
    Some(run)
}

pub async fn the_secret_is_not_json() -> Option<Run> {
    let aws = SecretsManager::start().await;
    let mut last = None;
    for value in
        [PASSWORD, "", "[]", "\"hunter2-of-the-role\"", "{\"username\": \"app\", \"password\": \"hunter2-of-the-role"]
    {
        aws.tells(value);
        let run = doctor_on_app_runner(&aws.url(), &[]).await;
        assert_blamed(&run, "read", "secret-not-json");
        run.assert_failed(DATABASE, "secret", "secret-not-json");
        last = Some(run);
    }
    last
}

pub async fn the_secret_lacks_a_key() -> Option<Run> {
    let aws = SecretsManager::start().await;
    let whole: Value = serde_json::from_str(&rds_secret("127.0.0.1", 5432, ROLE, PASSWORD)).unwrap();
    let mut last = None;
    for key in ["username", "password", "host"] {
        let mut part = whole.clone();
        part.as_object_mut().unwrap().remove(key);
        aws.tells(&part.to_string());
        let run = doctor_on_app_runner(&aws.url(), &[]).await;
        assert_blamed(&run, "read", "secret-lacks-key");
        assert!(run.evidence(SECRETS_MANAGER, "read").contains(&format!("has no \"{key}\"")));
        last = Some(run);
    }
    last
}

#[tokio::test]
async fn a_secret_that_rds_manages_needs_no_host() {
    let server = Server::start().await;
    let aws = SecretsManager::start().await;
    aws.tells(&json!({"username": ROLE, "password": PASSWORD}).to_string());
    let port = server.postgres.port().to_string();
    let place = [("DB_HOST", "127.0.0.1"), ("DB_PORT", &port), ("DB_NAME", "postgres")];
    doctor_on_app_runner(&aws.url(), &place).await.assert_healthy();
}

pub async fn there_are_no_credentials() -> Option<Run> {
    let aws = SecretsManager::start().await;
    let run = doctor_on_app_runner(&aws.url(), &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")]).await;
    assert_blamed(&run, "credentials", "credentials-missing");
    assert!(run.stage(SECRETS_MANAGER, "credentials")["remedy"].as_str().unwrap().contains("instance role"));
    Some(run)
}

pub async fn nothing_names_the_region() -> Option<Run> {
    let aws = SecretsManager::start().await;
    let run = doctor_on_app_runner(&aws.url(), &[("AWS_REGION", "")]).await;
    assert_blamed(&run, "configuration", "region-missing");
    Some(run)
}

/// As on Fargate, where nothing answers at the instance metadata's address: looking there takes the SDK its time.
#[tokio::test]
async fn looking_for_a_region_in_vain_has_its_limit() {
    let Some(network) = Network::create() else { return };
    network.add("169.254.169.254");
    network.drop_all_tcp();
    let found_nowhere = ["AWS_REGION", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_EC2_METADATA_DISABLED"];
    let env: Vec<_> = on_app_runner("").into_iter().filter(|(name, _)| !found_nowhere.contains(name)).collect();
    let run = doctor_in(&network, &env).await;
    assert_blamed(&run, "configuration", "region-missing");
}

pub async fn the_secret_is_in_another_region() -> Option<Run> {
    let aws = SecretsManager::start().await;
    let run = doctor_on_app_runner(&aws.url(), &[("AWS_REGION", "eu-west-1")]).await;
    assert_blamed(&run, "configuration", "region-mismatch");
    let evidence = run.evidence(SECRETS_MANAGER, "configuration");
    assert_eq!(evidence, "the secret is in us-east-1, the client in eu-west-1");
    // Nothing but the region of a secret that is named by its ARN can be told so early.
    assert!(SECRET.contains("us-east-1"));
    Some(run)
}

#[tokio::test]
async fn secrets_managers_endpoint_connects_and_then_there_is_silence() {
    let proxy = TcpProxy::start("127.0.0.1:1").await;
    proxy.silence();
    let plain = doctor_on_app_runner(&format!("http://{}", proxy.address()), &[]).await;
    assert_blamed(&plain, "read", "aws-slow");
    plain.assert_failed(DATABASE, "secret", "aws-slow");
    let encrypted = doctor_on_app_runner(&format!("https://{}", proxy.address()), &[]).await;
    assert_blamed(&encrypted, "tls", "silent-after-connect");
}

#[tokio::test]
async fn secrets_managers_endpoint_does_not_speak_tls() {
    let aws = SecretsManager::start().await;
    let run = doctor_on_app_runner(&aws.url().replace("http:", "https:"), &[]).await;
    assert_blamed(&run, "tls", "speaks-http");
}

pub async fn the_secrets_password_is_not_the_databases() -> Option<Run> {
    let server = Server::start().await;
    let aws = SecretsManager::start().await;
    aws.tells(&server.secret("another-password"));
    let run = doctor_on_app_runner(&aws.url(), &[]).await;
    run.assert_only(DATABASE, "authentication", "secret-and-database-differ");
    assert!(!run.report.to_string().contains("another-password"));
    Some(run)
}
