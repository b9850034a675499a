//! Spans for tests: drawn as X-Ray would draw them, and the rules without which it draws nodes that are none.

use std::collections::{BTreeMap, BTreeSet};

use causeway_testing::collector::{Span, SpanKind};

/// Sends every span to this collector, soon.
pub fn traced(collector: &str) -> [(&'static str, &str); 3] {
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100000"),
    ]
}

/// The name that the collector of AWS gives a span's node or edge.
pub fn name(span: &Span) -> &str {
    let server = span.kind == SpanKind::Server;
    let remote = if server { "aws.local.service" } else { "aws.remote.service" };
    let names = [remote, "peer.service", "aws.service", "db.name"].map(|name| span.get(name));
    let service = if server { span.service() } else { "" };
    let others = ["rpc.service", "http.host", "net.peer.name"].map(|name| span.get(name));
    let all = names.into_iter().chain([service]).chain(others).chain([&*span.name]);
    all.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

/// What X-Ray draws: an edge from each node to each that it calls.
pub fn draw(spans: &[Span]) -> BTreeSet<(String, String)> {
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
pub fn assert_rules(spans: &[Span]) {
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
