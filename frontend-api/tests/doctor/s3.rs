//! S3, which is checked as pictures use it: by an upload that is begun and given up.

use causeway_testing::aws::{ACCESS_KEY_ID, S3, SECRET_ACCESS_KEY};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::helpers::{Run, doctor, healthy_database};
use crate::wire;
use crate::world::{PUBLIC_ADDRESS, World};

const S3_CHECK: &str = "s3";
const WRITABLE: &str = "writable";
const BUCKET: &str = "diaries";

fn environment(endpoint: &str) -> Vec<(&'static str, String)> {
    [
        ("DIARY_BUCKET", BUCKET),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("AWS_ENDPOINT_URL_S3", endpoint),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

async fn doctor_of(endpoint: &str, changes: &[(&str, &str)]) -> Run {
    let database = healthy_database().await;
    let usual = environment(endpoint);
    let mut env = vec![("DATABASE_URL", database.url())];
    env.extend(usual.iter().map(|(name, value)| (*name, value.as_str())));
    env.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    env.extend(changes);
    doctor(&env).await
}

/// An error as S3 writes it.
fn error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
    ResponseTemplate::new(status).set_body_raw(body, "application/xml")
}

/// S3 answers the beginning of an upload with each of these errors.
async fn refused(code: &str, errors: Vec<(u16, &str, &str)>) -> Option<Run> {
    let mut last = None;
    for (status, name, message) in errors {
        let run = answered(error(status, name, message)).await;
        run.assert_only(S3_CHECK, WRITABLE, code);
        assert!(run.evidence(S3_CHECK, WRITABLE).starts_with(&format!("{name}: {message}")));
        last = Some(run);
    }
    last
}

async fn answered(answer: ResponseTemplate) -> Run {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    doctor_of(&server.uri(), &[]).await
}

#[tokio::test]
async fn a_bucket_that_can_be_written_to_is_well_and_nothing_is_left_in_it() {
    let s3 = S3::start().await;
    let run = doctor_of(&s3.url(), &[]).await;
    run.assert_healthy();
    assert_eq!(run.evidence(S3_CHECK, WRITABLE), "an upload can be started and aborted");
    assert_eq!(run.evidence(S3_CHECK, "configuration"), "bucket diaries in region us-east-1");
    assert_eq!(s3.keys(BUCKET).unwrap(), Vec::<String>::new());
}

pub async fn there_is_no_such_bucket() -> Option<Run> {
    refused("bucket-missing", vec![(404, "NoSuchBucket", "The specified bucket does not exist")]).await
}

pub async fn the_name_is_none_of_a_bucket() -> Option<Run> {
    let mut last = None;
    for name in ["s3://diaries", "arn:aws:s3:::diaries", "Diaries", "di", "diaries/pictures", "diaries-"] {
        let run = doctor_of("http://127.0.0.1:1", &[("DIARY_BUCKET", name)]).await;
        run.assert_only(S3_CHECK, "configuration", "bucket-name-invalid");
        last = Some(run);
    }
    last
}

/// Without its gateway endpoint, S3's public addresses are out of reach, while others may not be.
pub async fn the_gateway_endpoint_is_missing() -> Option<Run> {
    let mut world = World::start().await?;
    world.unset("DOCTOR_TARGETS");
    for (name, value) in environment("http://s3.us-east-1.amazonaws.com:80") {
        world.set(name, value);
    }
    world.dns.knows("s3.us-east-1.amazonaws.com", PUBLIC_ADDRESS);
    world.silence(PUBLIC_ADDRESS);
    let run = world.doctor().await;
    run.assert_only(S3_CHECK, "tcp", "s3-timed-out");
    assert!(run.stage(S3_CHECK, "tcp")["remedy"].as_str().unwrap().contains("gateway endpoint"));
    Some(run)
}

pub async fn the_role_may_not_write() -> Option<Run> {
    let message = "User: arn:aws:sts::1:assumed-role/demo is not authorized to perform: s3:PutObject on resource: \
                   arn:aws:s3:::diaries/x because no identity-based policy allows the s3:PutObject action";
    refused("s3-access-denied", vec![(403, "AccessDenied", message), (403, "AccessDenied", "Access Denied")]).await
}

pub async fn the_buckets_policy_wants_the_endpoint() -> Option<Run> {
    let message = "User: x is not authorized to perform: s3:PutObject with an explicit deny in a resource-based policy";
    refused("s3-bucket-policy-denies", vec![(403, "AccessDenied", message)]).await
}

pub async fn the_endpoints_policy_denies() -> Option<Run> {
    let message = "User: x is not authorized to perform: s3:PutObject because no VPC endpoint policy allows it";
    refused("denied-by-endpoint-policy", vec![(403, "AccessDenied", message)]).await
}

pub async fn the_organization_denies() -> Option<Run> {
    let message =
        "User: x is not authorized to perform: s3:PutObject with an explicit deny in a service control policy";
    refused("denied-by-organization", vec![(403, "AccessDenied", message)]).await
}

pub async fn the_key_may_not_be_used() -> Option<Run> {
    let message = "User: x is not authorized to perform: kms:GenerateDataKey on resource: y";
    let disabled = (400, "KMS.DisabledException", "the key is disabled");
    refused("s3-kms-denied", vec![(403, "AccessDenied", message), disabled]).await
}

pub async fn the_bucket_is_in_another_region() -> Option<Run> {
    let message = "The bucket you are attempting to access must be addressed using the specified endpoint.";
    let redirect = error(301, "PermanentRedirect", message).insert_header("x-amz-bucket-region", "eu-west-1");
    let run = answered(redirect).await;
    run.assert_only(S3_CHECK, WRITABLE, "bucket-in-another-region");
    assert!(run.evidence(S3_CHECK, WRITABLE).ends_with("; the bucket is in eu-west-1"));
    refused("bucket-in-another-region", vec![(400, "AuthorizationHeaderMalformed", "the region is wrong")]).await
}

pub async fn the_clock_is_wrong() -> Option<Run> {
    refused("clock-skewed", vec![(403, "RequestTimeTooSkewed", "The difference is too large.")]).await?;
    let old = "Thu, 01 Jan 2026 00:00:00 GMT";
    let run = answered(error(403, "SignatureDoesNotMatch", "no match").insert_header("date", old)).await;
    run.assert_only(S3_CHECK, WRITABLE, "clock-skewed");
    let evidence = run.evidence(S3_CHECK, WRITABLE);
    assert!(evidence.contains("this machine's clock is ") && evidence.ends_with(" s fast"), "{evidence}");
    Some(run)
}

pub async fn too_many_requests() -> Option<Run> {
    refused("aws-throttled", vec![(503, "SlowDown", "Please reduce your request rate.")]).await
}

pub async fn it_fails() -> Option<Run> {
    refused("aws-failed", vec![(500, "InternalError", "We encountered an internal error.")]).await
}

pub async fn it_refuses_for_another_reason() -> Option<Run> {
    refused("s3-failed", vec![(400, "InvalidRequest", "something else")]).await
}

pub async fn a_proxy_answers() -> Option<Run> {
    let mut last = None;
    for status in [200, 403, 407] {
        let run = answered(ResponseTemplate::new(status).set_body_raw("<html>hunter2</html>", "text/html")).await;
        run.assert_only(S3_CHECK, WRITABLE, "not-aws");
        assert!(!run.report.to_string().contains("hunter2"));
        last = Some(run);
    }
    last
}

pub async fn it_does_not_answer() -> Option<Run> {
    let silent = wire::silent().await;
    let run = doctor_of(&format!("http://{silent}"), &[]).await;
    run.assert_only(S3_CHECK, WRITABLE, "aws-slow");
    Some(run)
}

pub async fn an_upload_can_not_be_given_up() -> Option<Run> {
    let server = MockServer::start().await;
    let begun = "<InitiateMultipartUploadResult><Bucket>diaries</Bucket><Key>causeway-doctor</Key>\
                 <UploadId>abc</UploadId></InitiateMultipartUploadResult>";
    let begun = ResponseTemplate::new(200).set_body_raw(begun, "application/xml");
    Mock::given(method("POST")).respond_with(begun).mount(&server).await;
    Mock::given(method("DELETE")).respond_with(error(403, "AccessDenied", "Access Denied")).mount(&server).await;
    let run = doctor_of(&server.uri(), &[]).await;
    run.assert_warned(S3_CHECK, WRITABLE, "upload-not-given-up");
    Some(run)
}

#[tokio::test]
async fn there_are_no_credentials() {
    let s3 = S3::start().await;
    let run = doctor_of(&s3.url(), &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")]).await;
    run.assert_only(S3_CHECK, "credentials", "credentials-missing");
}

#[tokio::test]
async fn the_credentials_are_not_accepted() {
    let s3 = S3::start().await;
    let run = doctor_of(&s3.url(), &[("AWS_SECRET_ACCESS_KEY", "another-secret-key")]).await;
    run.assert_only(S3_CHECK, WRITABLE, "credentials-rejected");
}

/// The endpoint of the role's credentials is named and does not answer.
pub async fn the_endpoint_of_the_roles_credentials_is_out_of_reach() -> Option<Run> {
    let s3 = S3::start().await;
    let silent = wire::silent().await;
    let mut last = None;
    for endpoint in [format!("http://{silent}/role"), "http://127.0.0.1:1/role".to_owned()] {
        let changes = [
            ("AWS_ACCESS_KEY_ID", ""),
            ("AWS_SECRET_ACCESS_KEY", ""),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.as_str()),
        ];
        let run = doctor_of(&s3.url(), &changes).await;
        run.assert_only(S3_CHECK, "credentials", "credentials-endpoint-unreachable");
        last = Some(run);
    }
    last
}
