//! What becomes of a text when something fails while somebody writes: it is never lost, unless too many arrive at once.

use causeway_testing::aws::S3;
use causeway_testing::proxy::TcpProxy;
use futures_util::stream::{FuturesUnordered, StreamExt};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::diary::{jpeg, storage};
use crate::failures_network;
use crate::helpers::{PATIENCE, count, spawn_app, spawn_app_with, spawn_without_database};
use crate::http_bad_input::peak_memory;
use crate::pages_diary::entry;
use crate::people::PASSWORD;
use crate::web::{Browser, action, between, location};

#[tokio::test]
async fn while_the_picture_store_is_silent_the_text_can_be_saved_alone() {
    let s3 = S3::start().await;
    let proxy = TcpProxy::start(s3.address().to_string()).await;
    let endpoint = format!("http://{}", proxy.address());
    let env = [&storage(&endpoint)[..], &[("DIARY_STORAGE_TIMEOUT_MS", "4500")]].concat();
    let (app, database) = spawn_app_with(&env).await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let to = action(&browser.html("/app").await);
    proxy.refuse().await;
    let refused = browser.post_parts(&to, entry("low tide", Some(&jpeg()))).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key(RETRY_AFTER));
    let page = refused.text().await.unwrap();
    assert!(page.contains("The picture was not saved.") && page.contains("\nlow tide</textarea>"), "{page}");
    assert!(page.contains("Choose low-tide.jpg again") && page.contains("data-again"), "{page}");
    // The log has the cause, which the page has not.
    let line = app.access_line("/app/diary").await;
    assert!(line["cause"].as_str().is_some_and(|cause| cause.contains("PutObject")), "{line}");

    let alone = between(&page, "formaction=\"", "\"").replace("&amp;", "&");
    let saved = browser.post_parts(&alone, entry("low tide", Some(&jpeg()))).await;
    assert_eq!(location(&saved), "/app/diary?done=saved");
    let client = database.client().await;
    assert_eq!(count(&client, "diaries WHERE picture IS NULL").await, 1);
    proxy.heal().await;
}

#[tokio::test]
async fn without_a_bucket_the_text_can_be_saved_alone() {
    let (app, _database) = spawn_app().await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let to = action(&browser.html("/app").await);
    let refused = browser.post_parts(&to, entry("a text", Some(&jpeg()))).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let page = refused.text().await.unwrap();
    assert!(page.contains("This service stores no pictures.") && page.contains("Save without the picture"), "{page}");
}

#[tokio::test]
async fn while_the_database_is_unavailable_the_text_stays_in_the_form() {
    let (app, proxy, database) = failures_network::spawn(&[]).await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let to = action(&browser.html("/app").await);
    assert_eq!(browser.post_parts(&to, entry("before", None)).await.status(), StatusCode::SEE_OTHER);
    proxy.refuse().await;
    let to = to.replace("key=", "key=another-");
    let refused = browser.post_parts(&to, entry("a text", None)).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let page = refused.text().await.unwrap();
    assert!(page.contains("Your text is still here") && page.contains("\na text</textarea>"), "{page}");
    assert_eq!(action(&page), to, "the same form again");
    let change = [("text", "changed"), ("writer", "1")];
    let page = browser.refused("/app/diary/1", &change, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(page.contains("\nchanged</textarea>") && page.contains("The database does not answer."), "{page}");
    proxy.heal().await;
    app.until_ready().await;
    assert_eq!(browser.post_parts(&to, entry("a text", None)).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(count(&database.client().await, "diaries").await, 2);
}

/// The fields that the page carries through signing in.
fn carried(page: &str) -> Vec<(&'static str, String)> {
    let plain = |text: &str| text.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&");
    let hidden = |name| plain(between(page, &format!("type=\"hidden\" name=\"{name}\" value=\""), "\""));
    let mut fields = vec![("text", plain(between(page, "name=\"text\" rows=\"4\" dir=\"auto\">\n", "</textarea>")))];
    fields.extend(["key", "writer"].map(|name| (name, hidden(name))));
    let optional = ["alt", "entry"].into_iter().filter(|name| page.contains(&format!("name=\"{name}\"")));
    fields.extend(optional.map(|name| (name, hidden(name))));
    fields
}

/// Signs in on the page that carries a text.
async fn sign_in(browser: &mut Browser<'_>, page: &str, email: &str, password: &str) -> Response {
    let carried = carried(page);
    let mut fields: Vec<(&str, &str)> = carried.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend([("email", email), ("password", password)]);
    browser.post("/app/diary/sign-in", &fields).await
}

#[tokio::test]
async fn who_was_signed_out_while_writing_signs_in_and_the_text_is_saved() {
    let (app, database) = spawn_app().await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let to = action(&browser.html("/app").await);
    let token = browser.token.clone();
    browser.submit("/app/sign-out", &[]).await;
    browser.token = token;
    let refused = browser.post_parts(&to, entry("low tide\r\nat noon", Some(&jpeg()))).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.headers().contains_key(SET_COOKIE), "the cookie of the session that is over goes");
    let page = refused.text().await.unwrap();
    for said in ["You were signed out while you wrote.", "A picture has to be chosen again.", "low tide\nat noon"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let wrong = sign_in(&mut browser, &page, "wren@example.com", "a wrong password").await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    let again = wrong.text().await.unwrap();
    assert!(again.contains("Email or password is not right.") && carried(&again) == carried(&page), "{again}");
    // Back, and the same form again.
    for _ in 0..2 {
        let saved = sign_in(&mut browser, &page, "wren@example.com", PASSWORD).await;
        assert_eq!(location(&saved), "/app/diary?done=saved");
    }
    assert!(browser.html("/app/diary").await.contains("low tide\nat noon"));
    assert_eq!(count(&database.client().await, "diaries").await, 1);
}

#[tokio::test]
async fn another_user_who_signs_in_finds_the_text_unsaved() {
    let (app, database) = spawn_app().await;
    let mut browser = Browser::signed_up(&app, "john").await;
    browser.submit("/app/sign-out", &[]).await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let to = action(&browser.html("/app").await);
    browser.submit("/app/sign-out", &[]).await;
    let page = browser.post_parts(&to, entry("a secret", None)).await.text().await.unwrap();
    let response = sign_in(&mut browser, &page, "john@example.com", PASSWORD).await;
    assert_eq!(response.status(), StatusCode::OK);
    let shown = response.text().await.unwrap();
    assert!(shown.contains("The text is not saved.") && shown.contains("a secret</textarea>"), "{shown}");
    assert!(browser.token.is_some());
    let client = database.client().await;
    assert_eq!(count(&client, "diaries").await, 0);
    assert_eq!(browser.post_parts(&action(&shown), entry("a secret", None)).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(count(&client, "diaries WHERE user_id = 1").await, 1);
}

#[tokio::test]
async fn a_change_survives_signing_in_again_and_also_that_the_entry_is_gone() {
    let (app, _database) = spawn_app().await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let to = action(&browser.html("/app").await);
    browser.post_parts(&to, entry("first", None)).await;
    for (text, gone) in [("changed", false), ("changed in vain", true)] {
        if gone {
            browser.submit("/app/diary/1/delete", &[]).await;
        }
        browser.submit("/app/sign-out", &[]).await;
        let page = browser.post("/app/diary/1", &[("text", text), ("writer", "1")]).await.text().await.unwrap();
        let response = sign_in(&mut browser, &page, "wren@example.com", PASSWORD).await;
        if gone {
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            let shown = response.text().await.unwrap();
            assert!(shown.contains("deleted meanwhile") && shown.contains("\nchanged in vain</textarea>"), "{shown}");
        } else {
            assert_eq!(location(&response), "/app/diary?done=saved");
            assert!(browser.html("/app/diary").await.contains("changed"));
        }
    }
}

#[tokio::test]
async fn a_description_survives_signing_in_again_only_if_its_writer_did_not_clear_it() {
    let (app, database) = spawn_app().await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let to = action(&browser.html("/app").await);
    browser.post_parts(&to, entry("first", None)).await;
    let client = database.client().await;
    client.execute("UPDATE diaries SET alt = 'Reeds'", &[]).await.unwrap();
    let without = &[("text", "changed"), ("writer", "1")][..];
    for (fields, left) in [(without, "Reeds"), (&[without, &[("alt", "")]].concat(), "")] {
        browser.submit("/app/sign-out", &[]).await;
        let page = browser.post("/app/diary/1", fields).await.text().await.unwrap();
        let saved = sign_in(&mut browser, &page, "wren@example.com", PASSWORD).await;
        assert_eq!(location(&saved), "/app/diary?done=saved");
        let alt: String = client.query_one("SELECT alt FROM diaries", &[]).await.unwrap().get(0);
        assert_eq!(alt, left);
    }
}

#[tokio::test]
async fn long_forms_that_arrive_at_the_same_time_have_a_bounded_part_of_the_memory() {
    let app = spawn_without_database(&[]).await;
    let before = peak_memory(&app);
    let head = "POST /app/diary/sign-in HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 250000\r\n\r\ntext=";
    let most = [head.as_bytes(), &b"x".repeat(200_000)].concat();
    // 32 MiB are room for 182 of them.
    let mut answers: FuturesUnordered<_> = (0..300)
        .map(async |_| {
            let mut connection = app.connect().await;
            connection.write_all(&most).await.unwrap();
            let mut status = [0; 12];
            connection.read_exact(&mut status).await.unwrap();
            (connection, status)
        })
        .collect();
    let mut refused = Vec::new();
    while refused.len() < 100 {
        let next = timeout(PATIENCE, answers.next()).await.expect("so many have no room").unwrap();
        assert_eq!(&next.1, b"HTTP/1.1 503");
        refused.push(next);
    }
    let grown = peak_memory(&app) - before;
    assert!(grown < 96 * 1024, "the forms cost {grown} kB");

    let short = app.prepare(Method::POST, "/app/diary/sign-in").header("Sec-Fetch-Site", "same-origin");
    let short = short.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body("text=short");
    assert_eq!(short.send().await.unwrap().status(), StatusCode::BAD_REQUEST, "it has a room, and lacks a field");
}
