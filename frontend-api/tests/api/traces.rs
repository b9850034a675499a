//! Which requests are traced, under which ids and names, and that a collector's faults are none of the service's.

use causeway_testing::collector::{Collector, Span, SpanKind};
use causeway_testing::service;
use reqwest::StatusCode;
use tokio::net::TcpListener;

use crate::helpers::{App, BINARY, NO_DATABASE, client, spawn_without_database};

const TRACE: &str = "67891233abcdef012345678912345678";
const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";

/// The service without a database, and the collector of its traces.
async fn traced(env: &[(&str, &str)]) -> (App, Collector) {
    let collector = Collector::start().await;
    let url = collector.url();
    let base = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let app = spawn_without_database(&[&base, env].concat()).await;
    (app, collector)
}

/// `GET path` with this header.
async fn get(app: &App, path: &str, header: (&str, &str)) -> StatusCode {
    client().get(app.url(path)).header(header.0, header.1).send().await.unwrap().status()
}

/// All spans that the service made. It is stopped for that.
async fn all_spans(app: &mut App, collector: &Collector) -> Vec<Span> {
    assert!(app.service.stop().await.success());
    collector.spans()
}

#[tokio::test]
async fn a_request_is_a_server_span_named_by_its_route() {
    let (mut app, collector) = traced(&[("FORWARDED_HOPS", "1")]).await;
    let request = client().get(app.url("/problems/not-found?secret=1")).header("x-forwarded-for", "8.8.8.8");
    request.header("x-forwarded-proto", "https").header("user-agent", "test/1").send().await.unwrap();
    app.get("/nothing").await;
    app.get("/recent-visits").await;
    let spans = all_spans(&mut app, &collector).await;
    assert_eq!(spans.len(), 3, "{spans:#?}");
    let [explained, nothing, failed] = &spans[..] else { unreachable!() };
    assert_eq!((&*explained.name, explained.kind), ("GET /problems/{slug}", SpanKind::Server));
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/problems/{slug}"),
        ("url.path", "/problems/not-found"),
        ("url.scheme", "https"),
        ("http.response.status_code", "200"),
        ("client.address", "8.8.8.8"),
        ("server.address", "127.0.0.1"),
        ("server.port", &app.service.address().port().to_string()),
        ("user_agent.original", "test/1"),
    ] {
        assert_eq!(explained.get(name), value, "{name}: {explained:#?}");
    }
    assert!(!format!("{spans:?}").contains("secret"), "a query string is nobody's business");
    assert_eq!((explained.service(), explained.failed), ("frontend-api", false));
    assert_eq!((&*nothing.name, nothing.get("http.route"), nothing.failed), ("GET", "", false));
    assert_eq!((&*failed.name, failed.get("error.type"), failed.failed), ("GET /recent-visits", "503", true));
}

#[tokio::test]
async fn the_load_balancers_root_stays_the_traces_id() {
    let (mut app, collector) = traced(&[]).await;
    get(&app, "/health", ("x-amzn-trace-id", ROOT)).await;
    get(&app, "/health", ("x-amzn-trace-id", &format!("{ROOT};Parent=463ac35c9f6413ad;Sampled=1"))).await;
    get(&app, "/health", ("traceparent", &format!("00-{TRACE}-463ac35c9f6413ad-01"))).await;
    app.health().await;
    let spans = all_spans(&mut app, &collector).await;
    let ids: Vec<_> = spans.iter().map(|span| (&*span.trace, &*span.parent)).collect();
    let [root, with_parent, w3c, (new, no_parent)] = ids[..] else { panic!("{spans:#?}") };
    assert_eq!(root, (TRACE, ""));
    assert_eq!([with_parent, w3c], [(TRACE, "463ac35c9f6413ad"); 2]);
    assert!(new != TRACE && new.len() == 32 && no_parent.is_empty(), "{spans:#?}");
}

#[tokio::test]
async fn a_line_and_its_span_have_the_same_ids() {
    let (mut app, collector) = traced(&[]).await;
    get(&app, "/health", ("x-amzn-trace-id", ROOT)).await;
    let line = app.access_line("/health").await;
    let spans = all_spans(&mut app, &collector).await;
    assert_eq!((&line["trace_id"], &line["span_id"]), (&spans[0].trace.clone().into(), &spans[0].id.clone().into()));
    assert_eq!(line["xray_trace_id"], ROOT.trim_start_matches("Root="));
}

#[tokio::test]
async fn a_request_that_is_not_sampled_has_ids_and_no_span() {
    let (mut app, collector) = traced(&[("OTEL_TRACES_SAMPLER", "parentbased_always_off")]).await;
    app.health().await;
    let line = app.access_line("/health").await;
    assert_eq!(line["trace_id"].as_str().map(str::len), Some(32), "{line}");
    assert!(line.get("span_id").is_none(), "{line}");
    assert_eq!(all_spans(&mut app, &collector).await.len(), 0);
}

#[tokio::test]
async fn strangers_force_only_a_few_traces() {
    let (mut app, collector) = traced(&[("OTEL_TRACES_SAMPLER", "parentbased_always_off")]).await;
    let started = std::time::Instant::now();
    for _ in 0..200 {
        get(&app, "/health", ("traceparent", &format!("00-{TRACE}-463ac35c9f6413ad-01"))).await;
    }
    let most = 6 + usize::try_from(started.elapsed().as_millis()).unwrap() * 5 / 1000;
    let spans = all_spans(&mut app, &collector).await.len();
    assert!((1..=most).contains(&spans), "{spans} of at most {most}");
}

#[tokio::test]
async fn nothing_is_sent_unless_a_collector_is_set_and_not_switched_off() {
    for off in [&[("OTEL_SDK_DISABLED", "true")], &[("OTEL_TRACES_EXPORTER", "none")]] {
        let (mut app, collector) = traced(off).await;
        app.health().await;
        assert_eq!(all_spans(&mut app, &collector).await.len(), 0, "{off:?}");
        assert!(!app.service.logs().iter().any(|line| line["message"] == "tracing"), "{off:?}");
    }
}

#[tokio::test]
async fn a_variable_that_no_sdk_would_understand_is_a_mistake() {
    let env = [("DATABASE_URL", NO_DATABASE), ("OTEL_TRACES_SAMPLER", "sometimes"), ("OTEL_PROPAGATORS", "b3")];
    let output = service::run(BINARY, &[], env).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{errors}");
    assert!(errors.contains("OTEL_TRACES_SAMPLER") && errors.contains("OTEL_PROPAGATORS"), "{errors}");
}

#[tokio::test]
async fn all_spans_are_out_when_the_service_stops() {
    // Nothing is sent before the end: neither is the batch full nor the time up.
    let slow = [("OTEL_BSP_SCHEDULE_DELAY", "600000"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2048")];
    let (mut app, collector) = traced(&slow).await;
    for _ in 0..100 {
        assert_eq!(app.health().await.status(), StatusCode::OK);
    }
    assert_eq!(collector.spans().len(), 0);
    assert_eq!(all_spans(&mut app, &collector).await.len(), 100);
}

#[tokio::test]
async fn a_collector_that_is_away_or_silent_fails_nothing_and_is_logged_once() {
    // The kernel accepts the connections of a listener that nobody serves.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:1", &silent] {
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "100"),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ];
        let mut app = spawn_without_database(&env).await;
        let failing = |line: &serde_json::Value| line["message"] == "the collector accepts no spans";
        while !app.service.logs().iter().any(failing) {
            assert_eq!(app.health().await.status(), StatusCode::OK);
        }
        for _ in 0..100 {
            assert_eq!(app.health().await.status(), StatusCode::OK);
        }
        assert!(app.service.stop().await.success());
        assert_eq!(app.service.logs().iter().filter(|line| failing(line)).count(), 1, "{endpoint}");
    }
}
