//! `GET /metrics`: who may read it, what it counts, and that every name in dashboard, alerts and documents exists.

use std::collections::BTreeSet;

use causeway_testing::postgres::{OwnPostgres, TestDatabase};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::aws::{SecretsManager, on_app_runner};
use crate::diary::{jpeg, spawn_with_bucket, with_picture};
use crate::helpers::{
    App, NO_DATABASE, client, eventually, problem, spawn_app, spawn_app_with, spawn_without_database,
};
use crate::people::Person;
use crate::tls_server::{Authority, TlsServer};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const TOKEN: &str = "an-admin-token-of-thirty-two-characters";

async fn scrape(app: &App) -> String {
    let response = app.get("/metrics").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    response.text().await.unwrap()
}

/// The value of this very series.
fn value<'a>(metrics: &'a str, series: &str) -> &'a str {
    let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in {metrics}"))
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status_class() {
    let app = spawn_without_database(&[]).await;
    for _ in 0..3 {
        app.health().await;
    }
    app.get("/nowhere/1").await;
    app.get("/nowhere/2").await;
    app.ready().await;
    let metrics = scrape(&app).await;
    let count = |route, class| {
        let name = "causeway_http_request_duration_seconds_count";
        value(&metrics, &format!("{name}{{route=\"{route}\",status_class=\"{class}\"}}")).to_owned()
    };
    assert_eq!(count("/health", "2xx"), "3");
    assert_eq!(count("other", "4xx"), "2");
    assert_eq!(count("/ready", "5xx"), "1");
    assert!(!metrics.contains("nowhere"), "a path is no label");
}

#[tokio::test]
async fn the_state_of_the_database_and_its_pool_shows() {
    let (app, _database) = spawn_app().await;
    app.registered("curl").await;
    // The first use starts the sweep, which waits for a connection of its own for a moment.
    let metrics = eventually("nothing waits for the database", async || {
        let metrics = scrape(&app).await;
        (value(&metrics, "causeway_database_waiting") == "0").then_some(metrics)
    })
    .await;
    assert_eq!(value(&metrics, "causeway_database_available"), "1.0");
    assert_ne!(value(&metrics, "causeway_database_connections"), "0.0");
    assert_eq!(value(&metrics, "causeway_visits_batch_size_count"), "1");
    assert_eq!(value(&metrics, "causeway_visits_batch_size_sum"), "1.0");
    assert_eq!(value(&metrics, "causeway_visits_commit_duration_seconds_count"), "1");
    assert_eq!(value(&metrics, "causeway_visits_queue_length"), "0.0");
}

const CONNECTION_ERRORS: &str = "causeway_database_connection_errors_total";

/// How many connections failed because of `cause`.
fn failed(metrics: &str, cause: &str) -> usize {
    value(metrics, &format!("{CONNECTION_ERRORS}{{cause=\"{cause}\"}}")).parse().unwrap()
}

#[tokio::test]
async fn each_attempt_to_reach_a_database_that_is_away_from_the_start_is_counted_by_its_cause() {
    let server = TestDatabase::create().await;
    let mut unknown = url::Url::parse(server.url()).unwrap();
    unknown.set_username("a_user_that_does_not_exist").unwrap();
    // Its backlog takes connections, and nothing ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("postgres://app@{}/none", silent.local_addr().unwrap());
    let aws = SecretsManager::start().await;
    aws.denies();
    let aws_url = aws.url();
    let cases = [
        ("network", vec![("DATABASE_URL", NO_DATABASE)]),
        ("refused", vec![("DATABASE_URL", unknown.as_str())]),
        ("timeout", vec![("DATABASE_URL", &silent), ("DB_CONNECT_TIMEOUT_MS", "50")]),
        ("credentials", on_app_runner(&aws_url)),
    ];
    for (cause, env) in cases {
        let app = App::spawn(&env).await;
        app.database_problem().await;
        let attempts = app.service.logs().iter().filter(|line| line["message"] == "trying the database again").count();
        let metrics = scrape(&app).await;
        assert!(failed(&metrics, cause) >= attempts, "{cause}: {attempts} in {metrics}");
        assert_eq!(value(&metrics, "causeway_database_available"), "0.0");
        for other in ["credentials", "refused", "network", "timeout", "other"] {
            assert!(other == cause || failed(&metrics, other) == 0, "{other} in {metrics}");
        }
    }
}

#[tokio::test]
async fn attempts_to_reconnect_are_counted_without_a_request() {
    let postgres = OwnPostgres::start().await;
    let app = App::spawn(&[("DATABASE_URL", postgres.url())]).await;
    app.until_ready().await;
    assert_eq!(failed(&scrape(&app).await, "network"), 0);
    postgres.kill().await;
    app.until_it_notices().await;
    let before = failed(&scrape(&app).await, "network");
    eventually("the supervisor's attempts are counted", async || {
        (failed(&scrape(&app).await, "network") > before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_days_of_the_databases_certificate_show_and_follow_its_replacement() {
    const DAYS_LEFT: &str = "causeway_database_certificate_days_left";
    let authority = Authority::default();
    let server = TlsServer::start(&authority, "127.0.0.1").await;
    let app = server.spawn("verify-full", &server.roots(&authority).await).await;
    let shows = async |days: std::ops::Range<f64>| {
        eventually("the gauge follows the certificate", async || {
            app.register("needs a connection").await;
            let left: f64 = value(&scrape(&app).await, DAYS_LEFT).parse().unwrap();
            days.contains(&left).then_some(())
        })
        .await;
    };
    for year in [2060, 2050] {
        let until = time::Date::from_calendar_date(year, time::Month::January, 1).unwrap().midnight().assume_utc();
        let days = (until - time::OffsetDateTime::now_utc()).as_seconds_f64() / 86_400.0;
        server.use_pair(authority.issue_until("127.0.0.1", year)).await;
        server.reload().await;
        server.terminate_backends().await;
        shows(days - 0.1..days + 0.1).await;
    }
    let (plain, _database) = spawn_app().await;
    assert_eq!(value(&scrape(&plain).await, DAYS_LEFT), "NaN", "without TLS there is no certificate");
}

#[tokio::test]
async fn uploads_under_way_show() {
    let (app, _database, _s3) = spawn_with_bucket().await;
    let jane = Person::new(&app, "jane").await;
    let in_flight = async |expected: &str| {
        let shows =
            async || (value(&scrape(&app).await, "causeway_picture_uploads_in_flight") == expected).then_some(());
        eventually("the gauge counts the uploads", shows).await;
    };
    in_flight("0.0").await;
    let body = with_picture("a text", &jpeg());
    let head = format!(
        "POST /diaries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\
         Content-Type: multipart/form-data; boundary=a-boundary\r\n\r\n",
        jane.token,
        body.len()
    );
    let mut connection = app.connect().await;
    connection.write_all(&[head.as_bytes(), &body[..body.len() / 2]].concat()).await.unwrap();
    in_flight("1.0").await;
    drop(connection);
    in_flight("0.0").await;
}

#[tokio::test]
async fn openmetrics_is_served_to_who_asks_for_it() {
    let app = spawn_without_database(&[]).await;
    let request = client().get(app.url("/metrics")).header(ACCEPT, "application/openmetrics-text;version=1.0.0");
    let response = request.send().await.unwrap();
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(response.headers()[CONTENT_TYPE], kind);
    assert!(response.text().await.unwrap().ends_with("# EOF\n"));
}

#[tokio::test]
async fn with_an_admin_token_only_its_bearer_reads_the_metrics() {
    let app = spawn_without_database(&[("ADMIN_TOKEN", TOKEN)]).await;
    let get = |token: &str| client().get(app.url("/metrics")).bearer_auth(token).send();
    assert_eq!(get(TOKEN).await.unwrap().status(), StatusCode::OK);
    let slug = "metrics-need-the-admin-token";
    problem(app.get("/metrics").await, StatusCode::UNAUTHORIZED, slug).await;
    problem(get("another").await.unwrap(), StatusCode::UNAUTHORIZED, slug).await;
}

#[tokio::test]
async fn without_an_admin_token_only_this_machine_reads_the_metrics() {
    let app = spawn_without_database(&[]).await;
    scrape(&app).await;
    let forwarded = client().get(app.url("/metrics")).header("x-forwarded-for", "203.0.113.7").send().await.unwrap();
    problem(forwarded, StatusCode::FORBIDDEN, "metrics-are-local").await;
}

/// The names of metrics in a text, without the suffixes of histograms.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let stem = |word: &str| {
        let suffixes = ["_bucket", "_count", "_sum", "_total"];
        suffixes.iter().find_map(|suffix| word.strip_suffix(suffix)).unwrap_or(word).to_owned()
    };
    words.filter(|word| word.starts_with("causeway_")).map(stem).collect()
}

#[tokio::test]
async fn every_metric_that_dashboard_alerts_and_documents_name_exists() {
    let app = spawn_without_database(&[]).await;
    app.until_examined().await;
    let exported = names(&scrape(&app).await);
    for file in ["deploy/observability/dashboard.json", "deploy/observability/alerts.yml", "docs/observability.md"] {
        let text = std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
        // private-service's own are tested there.
        let named = names(&text).into_iter().filter(|name| !name.starts_with("causeway_task_metadata"));
        let unknown: Vec<_> = named.filter(|name| !exported.contains(name)).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
    let document = std::fs::read_to_string(format!("{ROOT}/docs/observability.md")).unwrap();
    let documented = names(&document);
    let forgotten: Vec<_> = exported.difference(&documented).collect();
    assert!(forgotten.is_empty(), "docs/observability.md does not describe {forgotten:?}");
}

#[tokio::test]
async fn each_alert_has_a_runbook_and_the_dashboard_is_sound() {
    let document = std::fs::read_to_string(format!("{ROOT}/docs/observability.md")).unwrap();
    let alerts = std::fs::read_to_string(format!("{ROOT}/deploy/observability/alerts.yml")).unwrap();
    let named: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(named.len() > 5);
    for alert in named {
        assert!(document.contains(&format!("\n### {alert}\n")), "{alert} has no runbook");
        assert!(alerts.contains(&format!("docs/observability.md#{}\n", alert.to_lowercase())), "{alert} links none");
    }
    let dashboard = std::fs::read_to_string(format!("{ROOT}/deploy/observability/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "ids are unique");
    for panel in panels {
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{panel}");
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{panel}");
    }
}

#[tokio::test]
async fn the_queries_of_the_document_name_only_fields_that_the_log_has() {
    let app = spawn_without_database(&[]).await;
    app.get("/recent-visits").await;
    app.health().await;
    app.access_line("/recent-visits").await;
    app.access_line("/health").await;
    let (traced, _database) = spawn_app_with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]).await;
    traced.registered("curl").await;
    traced.access_line("/").await;
    let logs = [app.service.logs(), traced.service.logs()].concat();
    let fields: BTreeSet<_> =
        logs.iter().filter_map(Value::as_object).flat_map(|line| line.keys().map(String::as_str)).collect();
    let document = std::fs::read_to_string(format!("{ROOT}/docs/observability.md")).unwrap();
    let queries: Vec<_> = document.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(queries.len(), 10);
    // In these queries every field stands between backticks, so that no keyword is taken for one.
    for query in queries {
        let named: Vec<_> = query.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{query}");
        let unknown: Vec<_> = named.iter().filter(|name| !name.starts_with('@') && !fields.contains(*name)).collect();
        assert!(unknown.is_empty(), "{unknown:?} in {query} is in no line: {fields:?}");
    }
}
