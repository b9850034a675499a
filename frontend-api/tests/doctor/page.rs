//! The page for browsers, in a browser.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use tokio::process::Command;
use tokio::time::timeout;

use crate::app::App;
use crate::helpers::{PATIENCE, healthy_database, text};

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

/// Debian's name and others'.
#[expect(clippy::print_stderr, reason = "a test that proves nothing must say so")]
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path)
        .find_map(|directory| names.map(|name| directory.join(name)).into_iter().find(|program| program.is_file()));
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "there is no Chromium (Debian: chromium)");
        eprintln!("skipped: there is no Chromium (Debian: chromium)");
    }
    found
}

/// The page as the browser has it once it has shown a report.
async fn rendered(chromium: &Path, app: &App) -> String {
    let url = format!("{}/test-connection", app.service.base_url());
    // Two browsers can't share one.
    let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chromium-{}", app.service.pid()));
    let mut command = Command::new(chromium);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
    command.args(["--disable-extensions", "--disable-background-networking", "--disable-component-update"]);
    command.arg(format!("--user-data-dir={}", profile.display()));
    command.args(["--virtual-time-budget=4000", "--dump-dom", &url]).kill_on_drop(true);
    let output = timeout(PATIENCE * 2, command.output()).await.expect("Chromium ends in time").unwrap();
    std::fs::remove_dir_all(profile).ok();
    let page = text(&output.stdout);
    assert!(page.contains("</html>"), "{}", text(&output.stderr));
    page
}

/// The part of `page` from `start` to the next `end`.
fn part<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let rest = page.split_once(start).unwrap_or_else(|| panic!("no {start} in {page}")).1;
    rest.split_once(end).unwrap().0
}

#[tokio::test]
async fn browsers_get_one_page_whose_policy_allows_its_own_style_and_script_alone() {
    let app = App::spawn(&[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")]).await;
    let response = app.test_connection(&[HTML]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let page = response.text().await.unwrap();
    for element in ["style", "script"] {
        assert_eq!(page.matches(&format!("<{element}")).count(), 1, "one {element} element");
        let content = part(&page, &format!("<{element}>"), &format!("</{element}>"));
        let hash = STANDARD.encode(digest(&SHA256, content.as_bytes()));
        assert!(policy.contains(&format!("{element}-src 'sha256-{hash}'")), "{policy}");
    }
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    for outside in ["src=\"http", "href=\"http", "@import", "url(http", " style=\"", " onclick="] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Programs are not taken for browsers.
    for accept in ["*/*", "application/json"] {
        let response = app.test_connection(&[("accept", accept)]).await;
        assert_eq!(response.headers()["content-type"], "application/json", "{accept}");
    }
}

#[tokio::test]
async fn the_page_shows_the_verdict_and_the_failing_stage_with_its_remedy() {
    let Some(chromium) = chromium() else { return };
    let database = healthy_database().await;
    let app = App::ready(&[("DATABASE_URL", database.url()), ("ECSPRIVATESERVICE", "http://127.0.0.1:1")]).await;
    let page = rendered(&chromium, &app).await;
    let verdict = part(&page, "id=\"verdict\"", "</section>");
    assert!(verdict.contains("data-outcome=\"failed\"") && verdict.contains("data-code=\"refused\""), "{verdict}");
    assert!(
        verdict.contains("Private service stops at TCP")
            && verdict.contains("The host was reached but nothing listens"),
        "{verdict}"
    );

    let check = part(&page, "data-check=\"private service\"", "</article>");
    let tcp = part(check, "<li data-stage=\"tcp\"", "</li>");
    assert!(tcp.contains("data-outcome=\"failed\"") && tcp.contains("Connection refused"), "{tcp}");
    assert!(tcp.contains("Check the port, and that the process runs"), "{tcp}");
    let http = part(check, "<li data-stage=\"http\"", "</li>");
    assert!(http.contains("data-outcome=\"skipped\""), "{http}");
    let database = part(&page, "data-check=\"database\"", "</article>");
    assert!(!database.contains("data-outcome=\"failed\""), "{database}");
}

#[tokio::test]
async fn the_page_shows_that_all_is_well() {
    let Some(chromium) = chromium() else { return };
    let database = healthy_database().await;
    let app = App::ready(&[("DATABASE_URL", database.url())]).await;
    let page = rendered(&chromium, &app).await;
    let verdict = part(&page, "id=\"verdict\"", "</section>");
    assert!(verdict.contains("data-outcome=\"ok\"") && verdict.contains("All checks passed: database."), "{verdict}");
}
