//! `GET /test-connection`: status, body, and who sees how much of it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::App;
use crate::helpers::{DATABASE, assert_tells_no_secret, healthy_database};
use crate::world::{http_server, identity};
use wiremock::ResponseTemplate;

const TOKEN: &str = "an-admin-token-of-a-test-of-ours";

#[tokio::test]
async fn all_well_is_200_and_a_report() {
    let database = healthy_database().await;
    let app = App::ready(&[("DATABASE_URL", database.url()), ("REVISION", "1f3a")]).await;
    let response = app.test_connection(&[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["vary"], "accept, authorization");
    let report: Value = response.json().await.unwrap();
    assert_eq!(report["Response"], "All checks passed: database.");
    let service = json!({"Name": "frontend-api", "Version": env!("CARGO_PKG_VERSION"), "Revision": "1f3a"});
    assert_eq!(report["Service"], service);
    assert_eq!((&report["Redacted"], &report["Verdict"]["outcome"]), (&false.into(), &"ok".into()));
    let stages: Vec<_> = report["Checks"][0]["stages"].as_array().unwrap().iter().map(|stage| &stage["name"]).collect();
    assert_eq!(
        stages,
        ["configuration", "dns", "tcp", "tls", "authentication", "query", "writable", "ready", "requests"]
    );
}

#[tokio::test]
async fn a_fault_is_503_and_the_report_is_that_of_the_command() {
    let database = healthy_database().await;
    let env = [("DATABASE_URL", database.url()), ("ECSPRIVATESERVICE", "http://127.0.0.1:1")];
    let app = App::ready(&env).await;
    let response = app.test_connection(&[]).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let report: Value = response.json().await.unwrap();
    let command = crate::helpers::doctor(&env).await.report;
    assert_eq!((&report["Response"], &report["Verdict"]), (&command["Response"], &command["Verdict"]));
    assert_eq!(report["Verdict"]["code"], "refused");
}

/// Everything configured, and everything that tells something of the network, is hidden.
fn assert_redacted(body: &str, hidden: &[&str]) {
    for text in hidden {
        assert!(!body.contains(text), "{text:?} is told: {body}");
    }
    let report: Value = serde_json::from_str(body).unwrap();
    assert_eq!(report["Redacted"], true);
    for check in report["Checks"].as_array().unwrap() {
        assert_eq!((&check["target"], &check["prove"]), (&Value::Null, &Value::Null));
        for stage in check["stages"].as_array().unwrap() {
            for key in ["evidence", "code", "cause", "remedy", "link"] {
                assert_eq!(stage[key], Value::Null, "{key}: {body}");
            }
        }
    }
}

#[tokio::test]
async fn with_an_admin_token_strangers_see_outcomes_alone() {
    let database = healthy_database().await;
    let http = http_server(ResponseTemplate::new(200).set_body_json(identity())).await;
    let (private, targets) = (http.uri(), "http://localhost:1/inner, 127.0.0.2:2");
    let env = [
        ("DATABASE_URL", database.url()),
        ("ECSPRIVATESERVICE", private.as_str()),
        ("DOCTOR_TARGETS", targets),
        ("ADMIN_TOKEN", TOKEN),
    ];
    let app = App::ready(&env).await;
    let response = app.test_connection(&[]).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = response.text().await.unwrap();
    let port = http.address().port().to_string();
    let hidden =
        ["127.0.0.", "localhost", "inner", "refused", "security group", "arn:aws", database.name(), &port, TOKEN];
    assert_redacted(&body, &hidden);
    let report: Value = serde_json::from_str(&body).unwrap();
    let names: Vec<_> = report["Checks"].as_array().unwrap().iter().map(|check| &check["name"]).collect();
    assert_eq!(names, [DATABASE, "private service", "other 1", "other 2"]);
    let expected = "Failed: other 1 at tcp, other 2 at tcp. Causes are shown to the bearer of the admin token.";
    assert_eq!(report["Response"], expected);

    let all: Value = app.test_connection(&[("authorization", &format!("Bearer {TOKEN}"))]).await.json().await.unwrap();
    assert_eq!((&all["Redacted"], &all["Verdict"]["code"]), (&false.into(), &"refused".into()));
    assert_eq!(all["Checks"][2]["name"], "http://localhost:1/inner");
    assert_tells_no_secret(&all.to_string(), &env);
}

#[tokio::test]
async fn without_an_admin_token_only_callers_on_this_machine_see_causes() {
    let app = App::spawn(&[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")]).await;
    let notice = "ADMIN_TOKEN is not set: /test-connection shows evidence";
    let notices = async || {
        let logs = app.service.logs();
        logs.iter().filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with(notice))).count()
    };
    app.report_logged(0).await;
    assert_eq!(notices().await, 1, "said once at start");

    let here: Value = app.test_connection(&[]).await.json().await.unwrap();
    assert_eq!((&here["Redacted"], &here["Verdict"]["code"]), (&false.into(), &"refused".into()));
    // A token that nobody asked for changes nothing.
    let bearer: Value = app.test_connection(&[("authorization", "Bearer anything")]).await.json().await.unwrap();
    assert_eq!(bearer["Redacted"], false);
    for elsewhere in [("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1"), ("host", "rebound.example")] {
        let response = app.test_connection(&[elsewhere]).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = response.text().await.unwrap();
        assert_redacted(&body, &["127.0.0.", "refused", "nobody"]);
        let report: Value = serde_json::from_str(&body).unwrap();
        let advice = "Causes are in the service's log, and are shown to the bearer of ADMIN_TOKEN once that is set.";
        assert_eq!(report["Response"], format!("Failed: database at tcp. {advice}"));
    }
}

#[tokio::test]
async fn a_wrong_admin_token_is_a_401_that_tells_nothing() {
    let app = App::spawn(&[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none"), ("ADMIN_TOKEN", TOKEN)]).await;
    let cut = &TOKEN[..TOKEN.len() - 1];
    for sent in
        [format!("Bearer {cut}"), format!("Bearer {TOKEN}x"), format!("Basic {TOKEN}"), TOKEN.into(), "Bearer ".into()]
    {
        let response = app.test_connection(&[("authorization", &sent)]).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{sent}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["type"], "/problems/not-the-admin-token");
        assert_eq!(body.get("Checks"), None);
    }
}

#[tokio::test]
async fn the_callers_request_makes_the_doctor_dial_nothing_else() {
    let database = healthy_database().await;
    let app = App::ready(&[("DATABASE_URL", database.url())]).await;
    let url = format!("{}/test-connection?target=127.0.0.1:1&url=http://127.0.0.1:1", app.service.base_url());
    let report: Value =
        reqwest_client().get(url).header("host", "elsewhere.example").send().await.unwrap().json().await.unwrap();
    assert_eq!(report["Checks"].as_array().unwrap().len(), 1);
}

fn reqwest_client() -> reqwest::Client {
    causeway_common::http::client::builder(crate::helpers::PATIENCE).build().unwrap()
}

#[tokio::test]
async fn each_code_is_explained_where_a_report_links_to() {
    let app = App::spawn(&[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")]).await;
    let report = app.report().await;
    assert_eq!(report["Verdict"]["link"], "/test-connection/faults/refused");
    let response = app.get("/test-connection/faults", &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let response_tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
    let page = response.text().await.unwrap();
    let tag = response_tag.expect("the page says the same to everyone");
    let again = app.get("/test-connection/faults", &[("if-none-match", &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    for code in crate::faults::CODES {
        assert!(page.contains(&format!("href=\"faults/{code}\"")), "{code}");
    }
    let fault = app.get("/test-connection/faults/refused", &[]).await.text().await.unwrap();
    assert!(fault.contains("<h1>refused</h1>") && fault.contains("Check the port"), "{fault}");
    assert_eq!(app.get("/test-connection/faults/none", &[]).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_hop_of_the_network_that_failed_comes_with_a_command_that_runs_as_it_is() {
    let app = App::spawn(&[
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none"),
        ("EXPLAIN_ARGS", "--from sg-0a,subnet-0b --region eu-west-1"),
        ("DOCTOR_TARGETS", "http://127.0.0.1:1/$(reboot)?x=1, [::1]:1"),
    ])
    .await;
    let report = app.report().await;
    let proofs: Vec<_> = report["Checks"].as_array().unwrap().iter().map(|check| check["prove"].as_str()).collect();
    let from = "make explain ARGS=\"--from sg-0a,subnet-0b --region eu-west-1 --to ";
    let (database, url) = (format!("{from}127.0.0.1:1\""), format!("{from}http://127.0.0.1:1\""));
    // `make explain` knows IPv4 only.
    assert_eq!(proofs, [Some(database.as_str()), Some(url.as_str()), None]);
}
