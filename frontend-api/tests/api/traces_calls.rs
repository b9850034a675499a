//! The calls of a traced request: drawn as X-Ray would, linked where one call serves many requests, and named in logs.

use std::collections::BTreeSet;
use std::path::Path;

use causeway_testing::aws::{S3, metadata};
use causeway_testing::collector::{Collector, Span, SpanKind};
use causeway_testing::postgres::OwnPostgres;
use causeway_testing::service::Service;
use reqwest::StatusCode;
use reqwest::header::ACCEPT;

use crate::aws::{SecretsManager, on_app_runner, secret_of};
use crate::diary::{jpeg, storage};
use crate::helpers::{App, BINARY, PATIENCE, client, eventually, spawn_app_with, spawn_without_database};
use crate::people::Person;
use crate::xray::{assert_rules, draw, name, traced};

const ROLE: &str = "app";
const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";
const TRACE: &str = "67891233abcdef012345678912345678";

/// The whole system: a database whose password Secrets Manager tells, a bucket, and the private service of an ECS task.
struct System {
    app: App,
    private: Service,
    postgres: OwnPostgres,
    aws: SecretsManager,
    _s3: S3,
    _metadata: causeway_testing::aws::Server,
}

async fn system(collector: &Collector) -> System {
    let postgres = OwnPostgres::start().await;
    postgres.execute(&format!("CREATE ROLE {ROLE} LOGIN SUPERUSER PASSWORD 'first'")).await;
    let aws = SecretsManager::start().await;
    aws.tells(&secret_of(&postgres, ROLE, "first"));
    let endpoint = metadata::start().unwrap();
    let (uri, collector) = (metadata::uri(&endpoint, "private"), collector.url());
    let task = ("ECS_CONTAINER_METADATA_URI_V4", uri.as_str());
    // It traces what its callers trace: not the doctor's requests, which are in the background.
    let sampler = ("OTEL_TRACES_SAMPLER", "parentbased_always_off");
    let env =
        [&traced(&collector)[..], &[task, sampler, ("METADATA_TIMEOUT_MS", "10000"), ("METADATA_REFRESH_MS", "250")]]
            .concat();
    let private = Service::spawn(Path::new(BINARY).with_file_name("private-service"), env).await;
    let (url, s3) = (aws.url(), S3::start().await);
    let (private_url, bucket) = (private.base_url().to_owned(), s3.url());
    let env = [
        &storage(&bucket)[..],
        &on_app_runner(&url),
        &traced(&collector),
        &[("ECSPRIVATESERVICE", private_url.as_str())],
    ]
    .concat();
    let app = App::spawn(&env).await;
    app.until_ready().await;
    app.until_examined().await;
    System { app, private, postgres, aws, _s3: s3, _metadata: endpoint }
}

#[tokio::test]
async fn the_whole_system_is_drawn_with_its_own_names_and_no_other() {
    let collector = Collector::start().await;
    let mut system = system(&collector).await;
    let app = &system.app;
    app.recent_visits().await;
    app.get("/test-connection").await;
    let jane = Person::new(app, "jane").await;
    jane.writes_with_picture(app, "a text", &jpeg()).await;
    assert_eq!(jane.get(app, "/diaries").await.status(), StatusCode::OK);
    // The identity is kept: the endpoint is asked again once it is a quarter of a second old.
    eventually("a request has the endpoint asked", async || {
        let browser = client().get(app.url("/ecs-private-service")).header("x-amzn-trace-id", ROOT);
        assert_eq!(browser.send().await.unwrap().status(), StatusCode::OK);
        collector.spans().iter().any(|span| name(span) == "TaskMetadata").then_some(())
    })
    .await;
    // A connection that a request needs after a rotation has the secret read again.
    system.aws.tells(&secret_of(&system.postgres, ROLE, "second"));
    system.postgres.execute(&format!("ALTER ROLE {ROLE} PASSWORD 'second'")).await;
    system.postgres.terminate_backends().await;
    let registered = async || (app.register("after the rotation").await.status() == StatusCode::OK).then_some(());
    eventually("a visit is registered", registered).await;

    assert!(system.app.service.stop().await.success() && system.private.stop().await.success());
    let spans = collector.spans();
    assert_rules(&spans);
    let database = spans.iter().find(|span| span.get("db.system") == "postgresql").expect("a statement");
    let database = format!("{}@{}", database.get("db.namespace"), database.get("server.address"));
    let expected = [
        ("client", "frontend-api"),
        ("frontend-api", "S3"),
        ("frontend-api", "SecretsManager"),
        ("frontend-api", "private-service"),
        ("frontend-api", &database),
        ("private-service", "TaskMetadata"),
    ];
    let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
    assert_eq!(draw(&spans), BTreeSet::from(expected), "{spans:#?}");

    let trace: Vec<&Span> = spans.iter().filter(|span| span.trace == TRACE).collect();
    let names: BTreeSet<_> = trace.iter().map(|span| (span.service(), name(span))).collect();
    let hops = [
        ("frontend-api", "frontend-api"),
        ("frontend-api", "private-service"),
        ("private-service", "private-service"),
        ("private-service", "TaskMetadata"),
    ];
    assert_eq!(names, BTreeSet::from(hops), "one trace from the browser to the endpoint: {trace:#?}");
    let task = &trace.iter().find(|span| span.service() == "private-service").unwrap().resource;
    assert_eq!((&*task["cloud.platform"], &*task["aws.ecs.launchtype"]), ("aws_ecs", "fargate"));
    assert_eq!(task["cloud.availability_zone"], "eu-west-1a");
}

#[tokio::test]
async fn a_statements_span_names_the_database_and_never_a_value() {
    let collector = Collector::start().await;
    let url = collector.url();
    let (mut app, _database) = spawn_app_with(&traced(&url)).await;
    app.registered("a-value-of-a-caller").await;
    let line = app.access_line("/").await;
    assert_eq!(line["batch_size"], 1);
    assert!(line["wait_ms"].as_f64().is_some_and(|wait| wait >= 0.0), "{line}");
    assert!(app.service.stop().await.success());
    let spans = collector.spans();
    let insert = spans.iter().find(|span| span.name == "INSERT access").unwrap();
    for (name, value) in [
        ("db.system.name", "postgresql"),
        ("db.operation.name", "INSERT"),
        ("db.collection.name", "access"),
        ("db.query.summary", "INSERT access"),
        ("server.address", "127.0.0.1"),
        ("db.namespace", insert.get("db.name")),
        ("peer.service", &format!("{}@127.0.0.1", insert.get("db.name"))),
    ] {
        assert!(!value.is_empty() && insert.get(name) == value, "{name}: {insert:#?}");
    }
    assert!(!format!("{insert:?}").contains("a-value-of-a-caller"));
}

#[tokio::test]
async fn a_failed_call_is_a_failed_span_and_its_line_names_the_request() {
    let collector = Collector::start().await;
    let url = collector.url();
    let env = [&traced(&url)[..], &[("ECSPRIVATESERVICE", "http://127.0.0.1:1")]].concat();
    let mut app = spawn_without_database(&env).await;
    let request = client().get(app.url("/ecs-private-service")).header("x-request-id", "the-id");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::BAD_GATEWAY);
    let failed = |line: &serde_json::Value| line["message"] == "a replica of the private service failed";
    let line = app.service.wait_for_log(failed, PATIENCE).await;
    assert!(app.service.stop().await.success());
    let spans = collector.spans();
    let server = spans.iter().find(|span| span.kind == SpanKind::Server).unwrap();
    let call = spans.iter().find(|span| span.kind == SpanKind::Client).unwrap();
    assert_eq!((&*call.parent, call.failed), (&*server.id, true), "{call:#?}");
    assert_eq!(call.get("error.type"), "private-service-unreachable");
    let xray = format!("1-{}-{}", &server.trace[..8], &server.trace[8..]);
    for (field, value) in
        [("request_id", "the-id"), ("trace_id", &server.trace), ("xray_trace_id", &xray), ("span_id", &server.id)]
    {
        assert_eq!(line[field], value, "{field}: {line}");
    }
}

#[tokio::test]
async fn an_exemplar_names_the_trace_and_span_of_a_request() {
    let collector = Collector::start().await;
    let url = collector.url();
    let mut app = spawn_without_database(&traced(&url)).await;
    app.health().await;
    let line = app.access_line("/health").await;
    let open = client().get(app.url("/metrics")).header(ACCEPT, "application/openmetrics-text; version=1.0.0");
    let metrics = open.send().await.unwrap().text().await.unwrap();
    let (trace, span) = (line["trace_id"].as_str().unwrap(), line["span_id"].as_str().unwrap());
    let exemplar = format!("# {{trace_id=\"{trace}\",span_id=\"{span}\"}}");
    let bucket = metrics.lines().find(|line| line.contains(&exemplar)).unwrap_or_else(|| panic!("{metrics}"));
    assert!(bucket.contains("route=\"/health\""), "{bucket}");
    assert!(!app.get("/metrics").await.text().await.unwrap().contains("trace_id"), "Prometheus's format has none");
    assert!(app.service.stop().await.success());
    assert!(collector.spans().iter().any(|exported| exported.trace == trace && exported.id == span));
}
