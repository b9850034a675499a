//! The calls of a traced request: drawn as X-Ray would, linked where one call serves many requests, and named in logs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use causeway_testing::aws::metadata;
use causeway_testing::collector::{Collector, Span, SpanKind};
use causeway_testing::postgres::OwnPostgres;
use causeway_testing::service::Service;
use reqwest::StatusCode;
use reqwest::header::ACCEPT;

use crate::aws::{SecretsManager, on_app_runner, secret_of};
use crate::helpers::{App, BINARY, PATIENCE, client, eventually, spawn_app_with, spawn_without_database};

const ROLE: &str = "app";
const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";
const TRACE: &str = "67891233abcdef012345678912345678";

/// Sends every span to this collector, soon.
fn traced(collector: &str) -> [(&'static str, &str); 3] {
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100000"),
    ]
}

/// The name that the collector of AWS gives a span's node or edge.
fn name(span: &Span) -> &str {
    let server = span.kind == SpanKind::Server;
    let remote = if server { "aws.local.service" } else { "aws.remote.service" };
    let names = [remote, "peer.service", "aws.service", "db.name"].map(|name| span.get(name));
    let service = if server { span.service() } else { "" };
    let others = ["rpc.service", "http.host", "net.peer.name"].map(|name| span.get(name));
    let all = names.into_iter().chain([service]).chain(others).chain([&*span.name]);
    all.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

/// What X-Ray draws: an edge from each node to each that it calls.
fn draw(spans: &[Span]) -> BTreeSet<(String, String)> {
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (&*span.id, span)).collect();
    let parent = |span: &Span| by_id.get(&*span.parent).copied();
    let is_node = |span: &Span| span.kind == SpanKind::Server || span.parent.is_empty();
    let node = |span: &Span| {
        let mut above = parent(span).expect("its parent was exported");
        while !is_node(above) {
            above = parent(above).expect("its parent was exported");
        }
        name(above).to_owned()
    };
    let parents: BTreeSet<&str> = spans.iter().filter(|span| is_node(span)).map(|span| &*span.parent).collect();
    let mut edges = BTreeSet::new();
    for span in spans {
        if is_node(span) {
            let caller = parent(span).map_or_else(|| "client".to_owned(), &node);
            edges.insert((caller, name(span).to_owned()));
        } else if span.kind == SpanKind::Client && !parents.contains(&*span.id) {
            edges.insert((node(span), name(span).to_owned()));
        }
    }
    edges
}

/// The naming rules of every exported span, without which X-Ray draws nodes that are none.
fn assert_rules(spans: &[Span]) {
    for span in spans {
        assert!(span.kind == SpanKind::Server || !span.parent.is_empty(), "no parent: {span:#?}");
        let forbidden = |name: &String| name == "peer.service" || name.starts_with("db.") || name.starts_with("aws.");
        if span.kind == SpanKind::Server {
            assert!(!span.attributes.keys().any(forbidden), "{span:#?}");
        }
        if span.kind == SpanKind::Client {
            assert!(!span.get("peer.service").is_empty(), "{span:#?}");
        }
    }
}

/// The whole system: a database whose password Secrets Manager tells, and the private service of an ECS task.
struct System {
    app: App,
    private: Service,
    postgres: OwnPostgres,
    aws: SecretsManager,
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
    let url = aws.url();
    let private_url = private.base_url().to_owned();
    let env = [&on_app_runner(&url)[..], &traced(&collector), &[("ECSPRIVATESERVICE", private_url.as_str())]].concat();
    let app = App::spawn(&env).await;
    app.until_ready().await;
    app.until_examined().await;
    System { app, private, postgres, aws, _metadata: endpoint }
}

#[tokio::test]
async fn the_whole_system_is_drawn_with_its_own_names_and_no_other() {
    let collector = Collector::start().await;
    let mut system = system(&collector).await;
    let app = &system.app;
    app.recent_visits().await;
    app.get("/test-connection").await;
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
async fn every_request_of_a_batch_is_its_parent_or_linked_and_no_span_is_lost() {
    const CLIENTS: usize = 50;
    const EACH: usize = 20;
    let collector = Collector::start().await;
    let url = collector.url();
    let (mut app, _database) = spawn_app_with(&traced(&url)).await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let request = client().get(app.url("/"));
        clients.spawn(async move {
            for _ in 0..EACH {
                let answer = request.try_clone().expect("it has no body").send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::OK);
            }
        });
    }
    clients.join_all().await;
    assert!(app.service.stop().await.success());

    let spans = collector.spans();
    assert_rules(&spans);
    let named = |name: &'static str| spans.iter().filter(move |span| span.name == name);
    let requests: BTreeSet<&str> = named("GET /").map(|span| &*span.id).collect();
    assert_eq!(requests.len(), CLIENTS * EACH);
    let mut served = Vec::new();
    for batch in named("record visits") {
        assert_eq!(batch.dropped_links, 0);
        let visits = 1 + batch.links.len();
        served.extend(batch.links.iter().chain([&batch.parent]).map(String::as_str));
        let inserts: Vec<_> = named("INSERT access").filter(|insert| insert.parent == batch.id).collect();
        assert_eq!(inserts.len(), 1, "{batch:#?}");
        let size = if visits > 1 { visits.to_string() } else { String::new() };
        assert_eq!(inserts[0].get("db.operation.batch.size"), size);
        assert!(inserts[0].times.0 >= batch.times.0 && inserts[0].times.1 <= batch.times.1, "{inserts:#?}");
    }
    assert_eq!(served.len(), CLIENTS * EACH, "each request is in one batch");
    assert_eq!(served.into_iter().collect::<BTreeSet<_>>(), requests);
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
