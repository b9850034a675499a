//! Each page as it looks: axe finds nothing at three widths in both schemes, it is valid HTML, fits 320 pixels and 20 kB,
//! and its pictures are kept for a person to look at.

use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use serde_json::Value;

use crate::chromium::{Chromium, Tab};
use crate::diary::spawn_with_bucket;
use crate::helpers::{App, spawn_without_database};
use crate::journey::{picture, sign_up};
use crate::people::Person;
use crate::tools;
use crate::web::Browser;

/// Of a page as it is sent, without what users wrote.
const MOST_BYTES: usize = 20_000;
const SCHEME: &str = "prefers-color-scheme";
/// Reports what axe finds, one line for each rule that is broken.
const AXE: &str = "axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, impact, nodes }) => \
                   `${id} (${impact}): ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`)}`))";

fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What axe finds on the page that is open.
async fn axe(tab: &Tab, name: &str) -> Vec<String> {
    let Some(axe) = tools::axe().await else { return Vec::new() };
    if tab.js("typeof axe").await == "undefined" {
        tab.js(&format!("{axe};0")).await;
    }
    let found = tab.js(AXE).await;
    found.as_array().unwrap().iter().map(|broken| format!("{name}: {}", broken.as_str().unwrap())).collect()
}

/// Looks at the page that is open.
async fn look(tab: &Tab, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for scheme in ["light", "dark"] {
        tab.media(&[(SCHEME, scheme)]).await;
        // The second is 1280 pixels at 200 %.
        for (width, factor) in [(320, 1), (640, 2), (1280, 1)] {
            tab.zoom(width, factor).await;
            let too_wide = "document.documentElement.scrollWidth > innerWidth";
            if tab.js(too_wide).await == true {
                found.push(format!("{name} at {width}: wider than the window"));
            }
            if factor == 1 {
                found.extend(axe(tab, &format!("{name}, {scheme}, {width}")).await);
            }
        }
    }
    for (kind, width, features) in [
        ("phone", 360, [(SCHEME, "light"), ("forced-colors", "none")]),
        ("desktop", 1280, [(SCHEME, "light"), ("forced-colors", "none")]),
        ("dark", 1280, [(SCHEME, "dark"), ("forced-colors", "none")]),
        ("forced", 360, [(SCHEME, "dark"), ("forced-colors", "active")]),
    ] {
        tab.resize(width).await;
        tab.media(&features).await;
        tab.picture(&pictures().join(format!("{name}-{kind}.png"))).await;
    }
    tab.media(&[]).await;
    tab.resize(1280).await;
    found
}

/// Looks at a page whose own scripts do not run. Those of axe must.
async fn look_without_scripts(tab: &Tab, name: &str) -> Vec<String> {
    tab.disable_scripts(false).await;
    let found = look(tab, name).await;
    tab.disable_scripts(true).await;
    found
}

/// Looks at pages by their paths, and reads them as they are sent.
async fn look_at(tab: &Tab, app: &App, token: Option<String>, pages: &[(&str, &str)]) {
    let mut browser = Browser { app, token };
    let (mut found, mut sent) = (Vec::new(), Vec::new());
    for (name, path) in pages {
        tab.go(&app.url(path)).await;
        found.extend(look(tab, name).await);
        let request = app.prepare(reqwest::Method::GET, path).header("accept", "text/html");
        let html = browser.send(request).await.text().await.unwrap();
        let bytes = html.len() - written(&html);
        if bytes > MOST_BYTES {
            found.push(format!("{name} has {bytes} bytes"));
        }
        sent.push(((*name).to_owned(), html));
    }
    found.extend(tools::mistakes(&sent).await);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// How many bytes of a page are what users wrote in their diaries.
fn written(html: &str) -> usize {
    html.split("<p dir=\"auto\">").skip(1).map(|rest| rest.split("</p>").next().unwrap().len()).sum()
}

/// The token that the browser keeps.
async fn token_of(tab: &Tab, base: &str) -> String {
    let cookies = tab.call("Network.getCookies", serde_json::json!({"urls": [base]})).await;
    cookies["cookies"][0]["value"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn pages_for_everybody_look_right() {
    let Some(chromium) = Chromium::start().await else { return };
    let (app, _database, _s3) = spawn_with_bucket().await;
    let tab = chromium.open().await;
    let pages =
        [("start", "/app"), ("sign-in", "/app/sign-in"), ("sign-up", "/app/sign-up"), ("visits-empty", "/app/visits")];
    look_at(&tab, &app, None, &pages).await;
    for agent in ["curl/8.11.0", "<img src=x onerror=alert(1)>", &"Mozilla".repeat(30)] {
        app.registered(agent).await;
    }
    look_at(&tab, &app, None, &[("visits", "/app/visits"), ("not-found", "/app/nothing")]).await;
    assert_eq!(chromium.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn pages_of_the_doctor_and_of_problems_look_right() {
    let Some(chromium) = Chromium::start().await else { return };
    let app = spawn_without_database(&[
        ("ECSPRIVATESERVICE", "http://127.0.0.1:1"),
        ("DOCTOR_TARGETS", "a-name-that-is-long-and-does-not-exist.example.invalid:5432"),
    ])
    .await;
    app.until_examined().await;
    let tab = chromium.open().await;
    let pages = [
        ("system-failed", "/app/system"),
        ("faults", "/test-connection/faults"),
        ("fault", "/test-connection/faults/database-timed-out"),
        ("problems", "/problems"),
        ("problem", "/problems/database-unavailable"),
    ];
    look_at(&tab, &app, None, &pages).await;
    let redacted = [("ADMIN_TOKEN", "0123456789abcdef0123456789abcdef"), ("ECSPRIVATESERVICE", "http://127.0.0.1:1")];
    let app = spawn_without_database(&redacted).await;
    look_at(&tab, &app, None, &[("system-redacted", "/test-connection")]).await;
    assert_eq!(chromium.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_apis_documentation_looks_right() {
    let Some(chromium) = Chromium::start().await else { return };
    let app = spawn_without_database(&[]).await;
    let tab = chromium.open().await;
    tab.go(&app.url("/docs/")).await;
    tab.until("document.querySelector('.opblock')").await;
    assert_eq!(look(&tab, "docs").await, Vec::<String>::new());
    let open = "(async () => { for (const query of ['.opblock-get', '.opblock-post', '.opblock-put', '.opblock-delete']) { \
                document.querySelector(`${query} .opblock-summary-control`).click(); } })()";
    tab.js(open).await;
    tab.until("document.querySelectorAll('.opblock-body .responses-wrapper').length === 4").await;
    tab.click(".opblock-get .try-out__btn", "document.querySelector('.btn.execute')").await;
    tab.click(".btn.execute", "document.querySelector('.live-responses-table .microlight')").await;
    tab.js("document.querySelector('.json-schema-2020-12-expand-deep-button').click()").await;
    for scheme in ["light", "dark"] {
        tab.media(&[(SCHEME, scheme)]).await;
        assert_eq!(axe(&tab, &format!("docs-open, {scheme}")).await, Vec::<String>::new());
        tab.picture(&pictures().join(format!("docs-open-{scheme}.png"))).await;
    }
    tab.click(".btn.authorize", "document.querySelector('.modal-ux input')").await;
    assert_eq!(axe(&tab, "docs-sign-in, dark").await, Vec::<String>::new());
    assert_eq!(chromium.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn pages_of_who_is_signed_in_look_right() {
    let Some(chromium) = Chromium::start().await else { return };
    let (app, _database, _s3) = spawn_with_bucket().await;
    let (tab, base) = (chromium.open().await, app.url(""));
    for name in ["Maximiliane-Freifrau-von-und-zu-Hohenlohe-Waldenburg-Schillingsf", "x"] {
        let signed_up = Browser::signed_up(&app, &name.to_lowercase()[..name.len().min(40)]).await;
        assert!(signed_up.token.is_some());
    }
    sign_up(&tab, &base, "wren@example.com").await;
    let token = token_of(&tab, &base).await;
    let empty = [("home-empty", "/app"), ("diary-empty", "/app/diary")];
    look_at(&tab, &app, Some(token.clone()), &empty).await;
    let wren = Person { id: 3, email: String::new(), token: token.clone() };
    let (_folder, file) = picture(0);
    let picture = std::fs::read(file).unwrap();
    for n in 0..14 {
        wren.writes(&app, &format!("Entry {n}.")).await;
    }
    for text in [&"a-word-without-end".repeat(60), "اليوم عبرت الجسر مشيا على الأقدام <script>.", "One.\n\nTwo."]
    {
        wren.writes(&app, text).await;
    }
    for n in 0..3 {
        wren.writes_with_picture(&app, &format!("Picture {n}."), &picture).await;
    }
    wren.writes(&app, "Deleted.").await;
    app.send(reqwest::Method::DELETE, "/diaries/21", Some(&token), None).await;
    let pages = [
        ("home", "/app"),
        ("diary", "/app/diary"),
        ("diary-deleted", "/app/diary?done=deleted&id=21"),
        ("edit", "/app/diary/20"),
        ("users", "/app/users"),
        ("account", "/app/account?done=session"),
    ];
    look_at(&tab, &app, Some(token), &pages).await;
    assert_eq!(chromium.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn answers_to_forms_that_are_refused_look_right() {
    let Some(chromium) = Chromium::start().await else { return };
    let (app, _database, s3) = spawn_with_bucket().await;
    let (tab, base) = (chromium.open().await, app.url(""));
    let mut found = Vec::new();
    tab.disable_scripts(true).await;
    tab.go(&format!("{base}/app/sign-up")).await;
    tab.fill("#up-email", "wren@example").await;
    tab.js("document.querySelector('main form').noValidate = true").await;
    tab.fill("#up-password", "short").await;
    tab.click("main form .go", "document.title.startsWith('Error: ')").await;
    // The browser sets the focus after it has parsed the page.
    tab.until("document.activeElement.id === 'up-email'").await;
    found.extend(look_without_scripts(&tab, "sign-up-refused").await);

    sign_up(&tab, &base, "wren@example.com").await;
    let (_folder, file) = picture(0);
    tab.fill("#entry-text", "Low tide at noon.").await;
    tab.choose(&file).await;
    drop(s3);
    tab.click("main form .go", "document.title.startsWith('Error: ')").await;
    found.extend(look_without_scripts(&tab, "store-unavailable").await);
    let token = token_of(&tab, &base).await;
    let status = app.send(reqwest::Method::DELETE, "/sessions/current", Some(&token), None).await.status();
    assert_eq!(status, StatusCode::NO_CONTENT);
    tab.fill("#entry-text", "Low tide at noon.").await;
    tab.click("main form button[formaction]", "document.querySelector('#in-text')").await;
    found.extend(look_without_scripts(&tab, "signed-out-while-writing").await);
    assert_eq!(found, Vec::<String>::new());
    assert_ne!(tab.js("document.title").await, Value::Null);
}
