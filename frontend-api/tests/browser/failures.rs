//! What the script does when an upload is cancelled, S3 goes in between, or the session ends while somebody writes.

use causeway_testing::aws::S3;
use causeway_testing::proxy::TcpProxy;

use crate::chromium::{Chromium, Tab};
use crate::diary::{assert_whole, spawn_with_bucket, storage, sweep};
use crate::helpers::{App, count, spawn_app_with};
use crate::journey::{picture, sign_in, sign_up};
use crate::people::PASSWORD;

/// More than the kernel takes from a browser that nobody reads from.
const LARGE: usize = 9_000_000;
const SENDING: &str = "document.querySelector('progress')?.value > 0";

/// The service behind a proxy that can hold an upload.
async fn hold(app: &App) -> (TcpProxy, String) {
    let proxy = TcpProxy::start(app.service.address().to_string()).await;
    let base = format!("http://{}", proxy.address());
    (proxy, base)
}

/// Signs up, and begins to send a text and a picture that the proxy holds. Returns the folder of the picture.
async fn begin_to_send(tab: &Tab, base: &str, proxy: &TcpProxy) -> tempfile::TempDir {
    sign_up(tab, base, "wren@example.com").await;
    let (folder, file) = picture(LARGE);
    tab.fill("#entry-text", "Low tide.").await;
    tab.choose(&file).await;
    proxy.silence();
    tab.click("main form .go", SENDING).await;
    folder
}

#[tokio::test]
async fn a_cancelled_upload_keeps_the_text_and_the_picture_and_stores_nothing() {
    let Some(chromium) = Chromium::start().await else { return };
    let (app, database, s3) = spawn_with_bucket().await;
    let (proxy, base) = hold(&app).await;
    let tab = chromium.open().await;
    let _folder = begin_to_send(&tab, &base, &proxy).await;
    assert!(tab.text("[aria-label=Sending]").await.contains(" MB"));
    tab.click("[aria-label=Sending] button", "document.querySelector('.note')").await;
    assert!(tab.text(".note").await.starts_with("Cancelled."));
    assert_eq!(tab.js("document.querySelector('#entry-text').value").await, "Low tide.");
    assert_eq!(tab.js("document.querySelector('input[type=file]').files.length").await, 1);
    proxy.cut();
    proxy.heal().await;
    assert_eq!(count(&database.client().await, "diaries").await, 0);
    tab.click("main form .go", "location.search === '?done=saved'").await;
    assert_eq!(count(&database.client().await, "diaries").await, 1);
    sweep(&app, &database).await;
    assert_whole(&database, &s3).await;
    assert_eq!(chromium.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn when_s3_goes_during_an_upload_text_and_picture_stay_and_can_be_sent_again() {
    let Some(chromium) = Chromium::start().await else { return };
    let s3 = S3::start().await;
    let way = TcpProxy::start(s3.address().to_string()).await;
    let endpoint = format!("http://{}", way.address());
    // It refuses at once; a slow machine needs longer to take the picture afterwards.
    let env = [&storage(&endpoint)[..], &[("DIARY_STORAGE_TIMEOUT_MS", "30000")]].concat();
    let (app, database) = spawn_app_with(&env).await;
    let (proxy, base) = hold(&app).await;
    let tab = chromium.open().await;
    let _folder = begin_to_send(&tab, &base, &proxy).await;
    way.refuse().await;
    proxy.heal().await;
    tab.until("document.querySelector('.note')").await;
    assert!(tab.text(".note").await.starts_with("The picture was not saved."));
    assert_eq!(tab.js("document.title").await, "Error: New entry · Causeway");
    assert_eq!(tab.js("document.querySelector('#entry-text').value").await, "Low tide.");
    assert_eq!(tab.js("document.querySelector('input[type=file]').files.length").await, 1);
    assert_eq!(tab.text("#entry-file-e").await, "");
    way.heal().await;
    tab.click("main form .go", "location.search === '?done=saved'").await;
    assert_eq!(count(&database.client().await, "diaries WHERE picture IS NOT NULL").await, 1);
    assert_eq!(chromium.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_text_survives_that_its_session_ends_while_it_is_written() {
    let Some(chromium) = Chromium::start().await else { return };
    let (app, database, _s3) = spawn_with_bucket().await;
    for scripts in [true, false] {
        let (base, email) = (app.url(""), format!("wren-{scripts}@example.com"));
        let (here, there) = (chromium.open().await, chromium.open().await);
        if !scripts {
            here.disable_scripts(true).await;
        }
        sign_up(&here, &base, &email).await;
        here.fill("#entry-text", "Low tide\nat noon.").await;
        sign_in(&there, &base, &email).await;
        there.go(&format!("{base}/app/account")).await;
        there.click("form[action^='/app/account/sessions/'] button", "location.search === '?done=session'").await;
        here.click("main form .go", "document.querySelector('#in-text')").await;
        assert!(here.text(".note").await.starts_with("You were signed out while you wrote."));
        here.fill("#in-email", &email).await;
        here.fill("#in-password", PASSWORD).await;
        here.click("main form .go", "location.search === '?done=saved'").await;
        assert!(here.text(".log").await.contains("Low tide\nat noon."));
    }
    assert_eq!(count(&database.client().await, "diaries").await, 2);
    assert_eq!(chromium.complaints().await, Vec::<String>::new());
}
