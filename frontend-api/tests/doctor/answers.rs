//! What HTTP servers answer, to the check of the private service and to that of a target with a path alike.

use wiremock::ResponseTemplate;

use crate::helpers::{PRIVATE_SERVICE, Run, doctor, healthy_database};
use crate::wire;
use crate::world::{http_server, identity};

const HTTP: &str = "http";

/// The doctor of a private service at this URL, and of a target with a path there.
async fn doctor_of(url: &str) -> (Run, String) {
    let database = healthy_database().await;
    let target = format!("{url}/health");
    let env = [("DATABASE_URL", database.url()), ("ECSPRIVATESERVICE", url), ("DOCTOR_TARGETS", &target)];
    (doctor(&env).await, target)
}

/// Both checks fail for this reason when the server answers so, and nothing of the body is shown.
async fn refused(code: &str, answers: Vec<(ResponseTemplate, &str)>) -> Option<Run> {
    let mut last = None;
    for (answer, seen) in answers {
        let server = http_server(answer).await;
        let (run, target) = doctor_of(&server.uri()).await;
        for check in [PRIVATE_SERVICE, &target] {
            run.assert_failed(check, HTTP, code);
            let evidence = run.evidence(check, HTTP);
            assert!(evidence.contains(seen), "{seen:?} is not in {evidence:?}");
        }
        assert!(!run.report.to_string().contains("hunter2"), "{:#}", run.report);
        last = Some(run);
    }
    last
}

fn answer(status: u16, server: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).insert_header("server", server).set_body_string("<html>hunter2</html>")
}

fn redirect(status: u16, location: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).insert_header("location", location)
}

pub async fn it_redirects() -> Option<Run> {
    let answers = vec![
        (
            redirect(301, "https://api.example.com/health?token=hunter2"),
            "301 Moved Permanently to https://api.example.com/health",
        ),
        (redirect(308, "/elsewhere"), "/elsewhere"),
        (ResponseTemplate::new(302), "status 302"),
    ];
    refused("http-redirected", answers).await
}

pub async fn it_wants_callers_to_sign_in() -> Option<Run> {
    let answers = vec![
        (redirect(302, "https://corp.example.com/oauth2/authorize?client_id=hunter2"), "oauth2/authorize"),
        (redirect(303, "/login"), "/login"),
        (redirect(302, "https://login.example.com/"), "login.example.com"),
        (answer(401, "nginx"), "status 401 Unauthorized, server nginx"),
    ];
    refused("http-sign-in-required", answers).await
}

pub async fn it_forbids_the_request() -> Option<Run> {
    refused("http-forbidden", vec![(answer(403, "gunicorn"), "status 403 Forbidden, server gunicorn")]).await
}

pub async fn a_firewall_refuses_the_request() -> Option<Run> {
    let by_gateway = ResponseTemplate::new(403).insert_header("x-amzn-errortype", "ForbiddenException");
    let by_rule = ResponseTemplate::new(403).insert_header("x-amzn-waf-action", "captcha");
    let answers = vec![
        (answer(403, "awselb/2.0"), "server awselb/2.0"),
        (answer(403, "CloudFront"), "server CloudFront"),
        (by_gateway, "status 403"),
        (by_rule, "status 403"),
    ];
    refused("http-blocked-by-firewall", answers).await
}

pub async fn it_takes_no_more_requests() -> Option<Run> {
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "30");
    refused("http-too-many-requests", vec![(limited, "status 429 Too Many Requests, retry after 30")]).await
}

pub async fn the_balancer_has_no_healthy_target() -> Option<Run> {
    let by_gateway = ResponseTemplate::new(503).insert_header("apigw-requestid", "abc");
    let nameless = |body: &str| ResponseTemplate::new(503).set_body_string(body);
    let haproxy = "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n";
    let answers = vec![
        (answer(503, "awselb/2.0"), "server awselb/2.0"),
        (answer(503, "envoy"), "server envoy"),
        (by_gateway, "status 503"),
        (nameless("no healthy upstream"), "status 503"),
        (nameless(haproxy), "status 503"),
    ];
    refused("balancer-without-target", answers).await
}

pub async fn the_balancers_target_fails() -> Option<Run> {
    let answers = vec![(answer(502, "awselb/2.0"), "status 502"), (answer(504, "nginx/1.25.3"), "server nginx/1.25.3")];
    refused("balancer-target-failed", answers).await
}

#[tokio::test]
async fn a_503_of_the_server_itself_is_not_blamed_on_a_balancer() {
    refused("http-failed", vec![(answer(503, "gunicorn"), "server gunicorn"), (answer(418, "x"), "status 418")]).await;
}

/// A server that writes these bytes as its answer, and ends the connection.
async fn verbatim(bytes: &'static [u8]) -> String {
    let address = wire::answering(bytes).await;
    format!("http://{address}")
}

pub async fn its_answer_is_cut_in_the_middle() -> Option<Run> {
    let mut last = None;
    for bytes in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\ncontent-type: application/json\r\n\r\n{\"TaskArn\": "[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"Tas\r\n",
    ] {
        let (run, target) = doctor_of(&verbatim(bytes).await).await;
        for check in [PRIVATE_SERVICE, &target] {
            run.assert_failed(check, HTTP, "http-truncated");
            let evidence = run.evidence(check, HTTP);
            assert!(evidence.starts_with("status 200 OK, then "), "{evidence}");
        }
        last = Some(run);
    }
    last
}

pub async fn its_answer_is_compressed() -> Option<Run> {
    let server = http_server(ResponseTemplate::new(200).insert_header("content-encoding", "gzip")).await;
    let (run, target) = doctor_of(&server.uri()).await;
    run.assert_only(PRIVATE_SERVICE, HTTP, "http-encoded");
    assert_eq!(run.check(&target)["outcome"], "ok", "a target's body is nobody's business");
    Some(run)
}

pub async fn its_answer_is_endless() -> Option<Run> {
    let server = http_server(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 4 << 20])).await;
    let (run, target) = doctor_of(&server.uri()).await;
    run.assert_only(PRIVATE_SERVICE, HTTP, "http-too-large");
    assert_eq!(run.check(&target)["outcome"], "ok", "{:#}", run.report);
    Some(run)
}

pub async fn it_is_another_service() -> Option<Run> {
    let mut last = None;
    for body in ["", "<html>hunter2</html>", "[]", "{}", "{\"TaskArn\": 7}", "null", "\"hunter2\"", "\0\0\0"] {
        let server = http_server(ResponseTemplate::new(200).set_body_string(body)).await;
        let (run, target) = doctor_of(&server.uri()).await;
        run.assert_only(PRIVATE_SERVICE, "identity", "identity-not-json");
        assert_eq!(run.check(&target)["outcome"], "ok", "{:#}", run.report);
        assert!(!run.report.to_string().contains("hunter2"), "{:#}", run.report);
        last = Some(run);
    }
    last
}

pub async fn its_identity_is_all_nulls() -> Option<Run> {
    let mut nulls = identity();
    nulls.as_object_mut().unwrap().values_mut().for_each(|value| *value = serde_json::Value::Null);
    let server = http_server(ResponseTemplate::new(200).set_body_json(nulls)).await;
    let (run, _) = doctor_of(&server.uri()).await;
    run.assert_only(PRIVATE_SERVICE, "identity", "identity-lacks-task");
    Some(run)
}

/// 403 is what S3 answers to a stranger: the way is open, which is all that such a target asks about.
#[tokio::test]
async fn a_target_without_a_path_is_well_if_anything_but_a_servers_error_answers() {
    let database = healthy_database().await;
    for (status, well) in [(200, true), (301, true), (403, true), (404, true), (429, true), (500, false), (503, false)]
    {
        let server = http_server(answer(status, "any")).await;
        let target = format!("{}/", server.uri());
        let run = doctor(&[("DATABASE_URL", database.url()), ("DOCTOR_TARGETS", &target)]).await;
        assert_eq!(run.check(&target)["outcome"] == "ok", well, "{status}: {:#}", run.report);
    }
}
