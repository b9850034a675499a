//! The pages by keyboard alone, with pictures that are dropped and pasted, looked at while they change, with less motion, in
//! the system's colours.

use serde_json::{Value, json};

use crate::chromium::Chromium;
use crate::diary::spawn_with_bucket;
use crate::helpers::{count, spawn_app};
use crate::journey::{picture, sign_up};
use crate::people::PASSWORD;

#[tokio::test]
async fn one_signs_up_writes_deletes_and_undoes_by_keyboard_alone() {
    let Some(chromium) = Chromium::start().await else { return };
    for scripts in [true, false] {
        let (app, database) = spawn_app().await;
        let tab = chromium.open().await;
        tab.disable_scripts(!scripts).await;
        tab.go(&app.url("/app")).await;
        tab.press("Tab").await;
        tab.until_focus(".skip").await;
        tab.press("Enter").await;
        tab.until_focus("main").await;
        tab.tab_to("#up-password").await;
        tab.write("short").await;
        tab.press("Enter").await;
        // The mistake has the focus.
        tab.until_focus("#up-password[aria-invalid=true]").await;
        assert!(tab.js("document.title").await.as_str().unwrap().starts_with("Error: "));
        tab.write(PASSWORD).await;
        tab.press("Enter").await;
        tab.until("document.querySelector('#entry-text')").await;
        tab.tab_to("main form .go").await;
        tab.press("Enter").await;
        tab.until_focus("#entry-text").await;
        tab.write("Low tide.").await;
        tab.tab_to("main form .go").await;
        tab.press("Enter").await;
        // What was done has the focus, so that it is read first.
        tab.until_focus("[role=status]").await;
        assert_eq!(tab.text(".note").await, "Entry saved.");
        tab.tab_to("button[formaction$=delete]").await;
        tab.press("Enter").await;
        tab.until("location.search.startsWith('?done=deleted')").await;
        tab.until_focus("[role=status]").await;
        tab.tab_to(".note button").await;
        tab.press("Enter").await;
        tab.until("location.search === '?done=restored'").await;
        tab.until_focus("[role=status]").await;
        assert!(tab.text(".log").await.contains("Low tide."));
        assert_eq!(count(&database.client().await, "diaries WHERE deleted_at IS NULL").await, 1);
    }
    assert_eq!(chromium.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_picture_is_dropped_another_is_pasted_in_its_place_and_sent() {
    let Some(chromium) = Chromium::start().await else { return };
    let (app, database, _s3) = spawn_with_bucket().await;
    let (tab, base) = (chromium.open().await, app.url(""));
    sign_up(&tab, &base, "wren@example.com").await;
    assert!(tab.text("#entry-file-h").await.ends_with("You can drop or paste one, too."));
    let (_folder, file) = picture(0);
    tab.drop_onto("#entry-text", &file, "document.querySelector('.drop')").await;
    tab.until("document.querySelector('.chosen img')?.naturalWidth === 600").await;
    assert!(tab.text(".chosen").await.starts_with("low-tide.png, 0.0"));
    assert_eq!(tab.js("document.querySelector('.drop')").await, Value::Null);
    tab.click(".chosen button", "!document.querySelector('.chosen')").await;
    assert_eq!(tab.js("document.querySelector('input[type=file]').files.length").await, 0);

    tab.drop_onto("main h1", &file, "document.querySelector('.drop')").await;
    tab.until("document.querySelector('.chosen img')?.naturalWidth === 600").await;
    tab.js("document.querySelector('#entry-text').focus()").await;
    tab.paste_picture(&chromium, &base).await;
    tab.until("document.querySelector('.chosen img')?.naturalWidth === 32").await;
    tab.fill("#entry-text", "An icon.").await;
    tab.click("main form .go", "location.search === '?done=saved'").await;
    tab.until("document.querySelector('.log img')?.naturalWidth === 32").await;
    assert_eq!(count(&database.client().await, "diaries WHERE picture IS NOT NULL").await, 1);
    assert_eq!(chromium.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn visits_appear_while_one_looks_and_not_while_that_is_paused() {
    let Some(chromium) = Chromium::start().await else { return };
    let (app, _database) = spawn_app().await;
    let tab = chromium.open().await;
    // The test is the clock.
    let clock = "window.setInterval = (then, wait) => { window.tick = then; window.wait = wait; return 0; }";
    tab.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": clock})).await;
    tab.go(&app.url("/app/visits")).await;
    assert_eq!(tab.js("wait").await, 5000);
    assert_eq!(tab.text("[data-state]").await, "Live");
    app.registered("first/1").await;
    tab.js("tick()").await;
    assert!(tab.text("[data-live]").await.contains("first/1"));
    tab.click("[data-pause]", "document.querySelector('[data-pause][aria-pressed=true]')").await;
    assert_eq!(tab.text("[data-state]").await, "Paused");
    app.registered("second/1").await;
    tab.js("tick()").await;
    assert!(!tab.text("[data-live]").await.contains("second/1"));
    tab.click("[data-pause]", "document.querySelector('[data-pause][aria-pressed=false]')").await;
    tab.js("tick()").await;
    assert!(tab.text("[data-live]").await.contains("second/1"));
    drop(app);
    tab.js("tick()").await;
    assert_eq!(tab.text("[data-state]").await, "Not live: no answer");
    assert!(tab.text("[data-live]").await.contains("second/1"));
    assert_eq!(chromium.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_moves_for_who_wants_less_motion_and_the_systems_colours_replace_ours() {
    let Some(chromium) = Chromium::start().await else { return };
    let (app, _database) = spawn_app().await;
    let tab = chromium.open().await;
    let moving = "[getComputedStyle(document.documentElement).scrollBehavior, [...document.querySelectorAll('*')].filter(\
                  (part) => { const style = getComputedStyle(part); return style.animationName !== 'none' \
                  || style.transitionDuration !== '0s'; }).length]";
    let colours = "(() => { const probe = document.body.appendChild(document.createElement('i')); \
                   const read = (colour) => { probe.style.color = colour; return getComputedStyle(probe).color; }; \
                   const of = (query, name) => getComputedStyle(document.querySelector(query))[name]; \
                   return [of('body', 'backgroundColor') === read('Canvas'), of('body', 'color') === read('CanvasText'), \
                   of('.go', 'backgroundColor') === read('LinkText'), of('.go', 'color') === read('Canvas')]; })()";
    for path in ["/app", "/app/system", "/app/visits"] {
        tab.go(&app.url(path)).await;
        tab.media(&[("prefers-reduced-motion", "reduce")]).await;
        assert_eq!(tab.js(moving).await, json!(["auto", 0]), "{path}");
        tab.media(&[("prefers-reduced-motion", "no-preference")]).await;
        assert_eq!(tab.js(moving).await, json!(["smooth", 0]), "{path}");
    }
    tab.go(&app.url("/app")).await;
    tab.media(&[("forced-colors", "active")]).await;
    assert_eq!(tab.js(colours).await, json!([true, true, true, true]));
    tab.media(&[("forced-colors", "none")]).await;
    assert_eq!(tab.js(colours).await[2], false);
}
