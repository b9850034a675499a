//! `GET /metrics`: the age of the task metadata, and that every name in the documents exists.

use reqwest::StatusCode;

use crate::fixtures::{usual_container, usual_task};
use crate::helpers::{App, spawn_app};

async fn scrape(app: &App) -> String {
    let response = app.get("/metrics").await;
    assert_eq!(response.status(), StatusCode::OK);
    response.text().await.unwrap()
}

/// The value of this very series.
fn value<'a>(metrics: &'a str, series: &str) -> &'a str {
    let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in {metrics}"))
}

#[tokio::test]
async fn the_age_of_the_task_metadata_and_a_failing_endpoint_show() {
    let app = spawn_app().await;
    app.identity_unavailable().await;
    let metrics = scrape(&app).await;
    assert_eq!(value(&metrics, "causeway_task_metadata_age_seconds"), "-1.0");
    assert_eq!(value(&metrics, "causeway_task_metadata_failing"), "1.0");

    app.endpoint_serves(&usual_container(), &usual_task()).await;
    app.ask_until(|status, _| status == StatusCode::OK).await;
    let metrics = scrape(&app).await;
    assert!(!value(&metrics, "causeway_task_metadata_age_seconds").starts_with('-'), "{metrics}");
    assert_eq!(value(&metrics, "causeway_task_metadata_failing"), "0.0");
}

#[tokio::test]
async fn every_metric_of_this_service_that_the_documents_name_exists() {
    let app = spawn_app().await;
    let metrics = scrape(&app).await;
    for file in ["deploy/observability/dashboard.json", "deploy/observability/alerts.yml", "docs/observability.md"] {
        let text = std::fs::read_to_string(format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in words.filter(|word| word.starts_with("causeway_task_metadata")) {
            assert!(metrics.contains(&format!("\n{name} ")), "{file} names {name}");
        }
    }
}
