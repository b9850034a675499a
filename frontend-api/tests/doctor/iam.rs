//! Log-ins with a token of IAM that the database refuses, each for another reason.

use causeway_testing::tokens::TokenServer;
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::helpers::{DATABASE, Run, doctor};

const AUTHENTICATION: &str = "authentication";
const PAM: &str = "PAM authentication failed for user \"app\"";

async fn doctor_of(server: &TokenServer, more: &[(&str, &str)]) -> Run {
    let env = server.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
    doctor(&env).await
}

/// A server of AWS whose clock is off by this.
async fn clock(off: time::Duration) -> MockServer {
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = (time::OffsetDateTime::now_utc() + off).format(format).unwrap();
    let aws = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404).insert_header("date", date)).mount(&aws).await;
    aws
}

#[tokio::test]
async fn a_valid_token_is_let_in() {
    let server = TokenServer::start().await;
    server.postgres.execute(crate::helpers::TABLE).await;
    let run = doctor_of(&server, &[]).await;
    run.assert_healthy();
    assert_eq!(run.evidence(DATABASE, "credentials"), "a token for user app of database postgres");
    assert_eq!(run.evidence(DATABASE, "configuration"), "a token of IAM for eu-west-1, DB_SSLMODE verify-full");
}

#[tokio::test]
async fn there_are_no_credentials_to_sign_a_token_with() {
    let server = TokenServer::start().await;
    let none = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", ""), ("AWS_SESSION_TOKEN", "")];
    let run = doctor_of(&server, &none).await;
    run.assert_only(DATABASE, "credentials", "credentials-missing");
}

pub async fn the_role_lacks_rds_iam() -> Option<Run> {
    let server = TokenServer::start().await;
    server.refuse("28P01", "password authentication failed for user \"app\"");
    let run = doctor_of(&server, &[]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "iam-grant-missing");
    Some(run)
}

pub async fn no_policy_lets_the_role_connect() -> Option<Run> {
    let server = TokenServer::start().await;
    server.refuse("28P01", PAM);
    let aws = clock(time::Duration::minutes(-2)).await;
    let run = doctor_of(&server, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &aws.uri())]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "iam-policy-missing");
    // Without a clock to compare with it is the same.
    doctor_of(&server, &[]).await.assert_only(DATABASE, AUTHENTICATION, "iam-policy-missing");
    Some(run)
}

pub async fn the_clock_is_wrong_when_a_token_is_signed() -> Option<Run> {
    let server = TokenServer::start().await;
    server.refuse("28P01", PAM);
    let mut last = None;
    for (off, said) in [(-20, "s fast"), (20, "s slow")] {
        let aws = clock(time::Duration::minutes(off)).await;
        let run = doctor_of(&server, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &aws.uri())]).await;
        run.assert_only(DATABASE, AUTHENTICATION, "iam-clock-skewed");
        assert!(run.evidence(DATABASE, AUTHENTICATION).ends_with(said), "{:#}", run.report);
        last = Some(run);
    }
    last
}

/// The endpoint of the role's credentials returns some that are of no use any more.
pub async fn the_credentials_behind_the_token_have_expired() -> Option<Run> {
    let server = TokenServer::start().await;
    server.refuse("28P01", PAM);
    let role = MockServer::start().await;
    let credentials = json!({
        "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "key-of-the-role", "Token": "token-of-the-role",
        "Expiration": "2020-01-01T00:00:00Z",
    });
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(credentials)).mount(&role).await;
    let endpoint = role.uri();
    let of_role = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.as_str()),
    ];
    let run = doctor_of(&server, &of_role).await;
    run.assert_only(DATABASE, AUTHENTICATION, "iam-token-expired");
    Some(run)
}

#[tokio::test]
async fn dsql_is_checked_with_the_sql_that_it_takes() {
    let server = TokenServer::start_as_dsql().await;
    server.postgres.execute(crate::helpers::TABLE).await;
    let run = doctor_of(&server, &[]).await;
    run.assert_healthy();
    assert_eq!(run.evidence(DATABASE, "credentials"), "a token for user app of database postgres");
}

pub async fn dsql_does_not_know_the_role() -> Option<Run> {
    let server = TokenServer::start_as_dsql().await;
    server.refuse("28P01", "unable to accept connection, access denied");
    let run = doctor_of(&server, &[]).await;
    run.assert_only(DATABASE, AUTHENTICATION, "dsql-access-denied");
    server.refuse("28P01", "unable to accept connection, access denied: signature expired");
    doctor_of(&server, &[]).await.assert_only(DATABASE, AUTHENTICATION, "iam-token-expired");
    let aws = clock(time::Duration::minutes(20)).await;
    let skewed = doctor_of(&server, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &aws.uri())]).await;
    skewed.assert_only(DATABASE, AUTHENTICATION, "iam-clock-skewed");
    Some(run)
}
