//! The whole way: sign up, write with a picture, change, delete, undo, sign out another browser. With and without a script.

use std::path::PathBuf;

use image::{Rgb, RgbImage};

use crate::chromium::{Chromium, Tab};
use crate::diary::spawn_with_bucket;
use crate::helpers::{App, count};
use crate::people::PASSWORD;

/// A picture as a file. Noise makes it as large as `bytes` and more.
pub fn picture(bytes: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("low-tide.png");
    let (width, height) = (600, u32::try_from(bytes / 1800).unwrap().max(400));
    let mut state = 1_u32;
    let is_large = bytes > 0;
    RgbImage::from_fn(width, height, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [noise, other, third, _] = state.to_be_bytes();
        let low = |value: u32| value.to_le_bytes()[0];
        if is_large { Rgb([noise, other, third]) } else { Rgb([low(90 + x / 8), low(140 + y / 8), 170]) }
    })
    .save(&file)
    .unwrap();
    (folder, file)
}

/// Signs up on the start page.
pub async fn sign_up(tab: &Tab, base: &str, email: &str) {
    tab.go(&format!("{base}/app")).await;
    tab.fill("#up-email", email).await;
    tab.fill("#up-password", PASSWORD).await;
    tab.click("form[action='/app/sign-up'] button", "document.querySelector('#entry-text')").await;
}

pub async fn sign_in(tab: &Tab, base: &str, email: &str) {
    tab.go(&format!("{base}/app/sign-in")).await;
    tab.fill("#in-email", email).await;
    tab.fill("#in-password", PASSWORD).await;
    tab.click("main form button", "document.querySelector('#entry-text')").await;
}

async fn walk(app: &App, here: &Tab, there: &Tab, scripts: bool) {
    let base = app.url("");
    sign_up(here, &base, "wren@example.com").await;
    let (_folder, file) = picture(0);
    here.fill("#entry-text", "Low tide at noon.").await;
    here.fill("#entry-alt", "Reeds").await;
    here.choose(&file).await;
    if scripts {
        here.until("document.querySelector('.chosen img').naturalWidth === 600").await;
    }
    here.click("main form .go", "location.search === '?done=saved'").await;
    assert_eq!(here.text(".note").await, "Entry saved.");
    here.until("document.querySelector('.log img[alt=Reeds]').naturalWidth === 600").await;
    let hour = here.js("Number(document.querySelector('.log time').dateTime.slice(11, 13))").await.as_i64().unwrap();
    let shown = here.text(".log time").await;
    let expected = if scripts { (hour + 9) % 24 } else { hour };
    assert!(shown.contains(&format!("{expected:02}:")), "{shown}: {expected} o'clock, scripts: {scripts}");

    here.click(".log a[href^='/app/diary/']", "document.querySelector('#entry-text')?.value === 'Low tide at noon.'")
        .await;
    here.fill("#entry-text", "High tide.").await;
    here.click("main form .go", "location.search === '?done=saved'").await;
    assert!(here.text(".log").await.contains("High tide."));
    here.click(".log button[formaction$=delete]", "location.search.startsWith('?done=deleted')").await;
    assert!(!here.text("main").await.contains("High tide."));
    here.click(".note button", "location.search === '?done=restored'").await;
    assert!(here.text(".log").await.contains("High tide."));
    // Back and reload send nothing again.
    here.js("location.reload()").await;
    here.until("document.querySelector('.log')").await;

    sign_in(there, &base, "wren@example.com").await;
    here.go(&format!("{base}/app/account")).await;
    here.click("form[action^='/app/account/sessions/'] button", "location.search === '?done=session'").await;
    let status = "fetch('/sessions').then(answer => answer.status)";
    assert_eq!(here.js(status).await, 200);
    assert_eq!(there.js(status).await, 401);
    there.go(&format!("{base}/app/diary")).await;
    there.until("location.pathname === '/app/sign-in'").await;
    assert_eq!(there.js("document.querySelector('a[href=\"/app/diary\"]')").await, serde_json::Value::Null);
}

#[tokio::test]
async fn one_walks_the_whole_way_with_a_script() {
    let Some(chromium) = Chromium::start().await else { return };
    let (app, database, _s3) = spawn_with_bucket().await;
    walk(&app, &chromium.open().await, &chromium.open().await, true).await;
    assert_eq!(count(&database.client().await, "diaries").await, 1);
    assert_eq!(chromium.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn one_walks_the_whole_way_without_a_script() {
    let Some(chromium) = Chromium::start().await else { return };
    let (app, database, _s3) = spawn_with_bucket().await;
    let (here, there) = (chromium.open().await, chromium.open().await);
    here.disable_scripts(true).await;
    there.disable_scripts(true).await;
    walk(&app, &here, &there, false).await;
    assert_eq!(count(&database.client().await, "diaries").await, 1);
}
