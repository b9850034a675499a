//! The pages of the diary, as a browser without a script uses them.

use reqwest::StatusCode;
use reqwest::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, RETRY_AFTER, SET_COOKIE};

use crate::diary::{form, jpeg, part, spawn_with_bucket};
use crate::helpers::{count, spawn_app};
use crate::people::Person;
use crate::web::{Browser, action, between, location};

/// The form for an entry as browsers send it: lines end with CR LF, and a picture that was not chosen is an empty part.
pub fn entry(text: &str, picture: Option<&[u8]>) -> Vec<u8> {
    let file = match picture {
        Some(picture) => part("name=\"file\"; filename=\"low-tide.jpg\"", picture),
        None => part("name=\"file\"; filename=\"\"", b""),
    };
    form(&[part("name=\"text\"", text.as_bytes()), file, part("name=\"alt\"", b"Reeds & \"mist\"")])
}

#[tokio::test]
async fn one_writes_finds_changes_deletes_and_restores_an_entry_without_a_script() {
    let (app, database, s3) = spawn_with_bucket().await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let start = browser.html("/app").await;
    assert!(start.contains("<h1>New entry</h1>") && start.contains("No entries yet"), "{start}");
    let written = browser.post_parts(&action(&start), entry("First <frost>\r\nand ice", Some(&jpeg()))).await;
    assert_eq!(written.status(), StatusCode::SEE_OTHER, "{:?}", app.service.logs());
    assert_eq!(location(&written), "/app/diary?done=saved");

    let listed = browser.get("/app/diary?done=saved").await;
    assert_eq!(listed.headers()[CACHE_CONTROL], "no-store");
    let policy = listed.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.ends_with(&format!("img-src 'self' data: blob: {}", s3.url())), "{policy}");
    let page = listed.text().await.unwrap();
    for expected in [
        "Entry saved.",
        "First &lt;frost&gt;\nand ice",
        "src=\"/diaries/1/image\" alt=\"Reeds &amp; &quot;mist&quot;\"",
        "<time id=\"t1\" datetime=\"20",
        "aria-labelledby=\"d1 t1\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }

    let form = browser.html("/app/diary/1").await;
    assert!(form.contains("\nFirst &lt;frost&gt;\nand ice</textarea>") && form.contains("The picture stays"), "{form}");
    let change = [("text", "Second\r\nfrost"), ("alt", "Reeds"), ("writer", "1")];
    assert_eq!(browser.submit("/app/diary/1", &change).await, "/app/diary?done=saved");
    let page = browser.html("/app/diary").await;
    assert!(page.contains("Second\nfrost") && page.contains("alt=\"Reeds\"") && page.contains(" · edited"), "{page}");
    let blank =
        browser.refused("/app/diary/1", &[("text", " "), ("writer", "1")], StatusCode::UNPROCESSABLE_ENTITY).await;
    assert!(blank.contains("id=\"entry-text-e\"") && blank.contains("<title>Error: Edit entry"), "{blank}");

    assert_eq!(browser.submit("/app/diary/1/delete", &[]).await, "/app/diary?done=deleted&id=1");
    let deleted = browser.html("/app/diary?done=deleted&id=1").await;
    assert!(deleted.contains("It is kept for 30 days.") && !deleted.contains("Second"), "{deleted}");
    let undo = between(&deleted, "action=\"/app/diary/1/", "\"");
    assert_eq!(browser.submit(&format!("/app/diary/1/{undo}"), &[]).await, "/app/diary?done=restored");
    assert!(browser.html("/app").await.contains("Second"));
    assert_eq!(count(&database.client().await, "diaries").await, 1);
}

#[tokio::test]
async fn another_users_entry_is_none() {
    let (app, _database) = spawn_app().await;
    Person::new(&app, "jane").await.writes(&app, "hers").await;
    let mut other = Browser::signed_up(&app, "john").await;
    assert_eq!(other.get("/app/diary/1").await.status(), StatusCode::NOT_FOUND);
    for (path, fields) in [("/app/diary/1/delete", &[][..]), ("/app/diary/1/restore", &[])] {
        let page = other.refused(path, fields, StatusCode::NOT_FOUND).await;
        assert!(page.contains("If you ask for help"), "{page}");
    }
    // What was typed is not lost, though there is nothing to change.
    let page = other.refused("/app/diary/1", &[("text", "mine"), ("writer", "2")], StatusCode::NOT_FOUND).await;
    assert!(page.contains("mine</textarea>") && page.contains("The text is not saved."), "{page}");
    assert!(!other.html("/app/diary").await.contains("hers"));
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_stored_once_and_with_another_text_it_is_asked_about() {
    let (app, database) = spawn_app().await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let first = action(&browser.html("/app").await);
    for _ in 0..2 {
        let sent = browser.post_parts(&first, entry("once", None)).await;
        assert_eq!(location(&sent), "/app/diary?done=saved");
    }
    let changed = browser.post_parts(&first, entry("once more", None)).await;
    assert_eq!(changed.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = changed.text().await.unwrap();
    assert!(page.contains("This form was sent before") && page.contains("once more</textarea>"), "{page}");
    let second = action(&page);
    assert_ne!(second, first);
    assert_eq!(browser.post_parts(&second, entry("once more", None)).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(count(&database.client().await, "diaries").await, 2);
}

#[tokio::test]
async fn a_picture_that_is_refused_is_named_at_its_field_and_the_text_stays() {
    let (app, database, _s3) = spawn_with_bucket().await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let to = action(&browser.html("/app").await);
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".repeat(9);
    let large = [jpeg(), vec![0; 13_500_000]].concat();
    for (picture, status, said) in [
        (&heic, StatusCode::UNSUPPORTED_MEDIA_TYPE, "HEIC"),
        (&b"no picture at all, only a text".to_vec(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "none of JPEG"),
        (&large, StatusCode::PAYLOAD_TOO_LARGE, "The picture has 14 MB; 10 MB is the most."),
    ] {
        let refused = browser.post_parts(&to, entry("a text", Some(picture))).await;
        assert_eq!(refused.status(), status, "{said}");
        let page = refused.text().await.unwrap();
        assert!(between(&page, "id=\"entry-file-e\"", "</p>").contains(said), "{said}: {page}");
        assert!(
            page.contains("\na text</textarea>") && page.contains("value=\"Reeds &amp; &quot;mist&quot;\""),
            "{page}"
        );
        assert!(page.contains("<title>Error: New entry") && page.contains("aria-invalid=\"true\""), "{page}");
    }
    // The key is free again.
    assert_eq!(browser.post_parts(&to, entry("a text", None)).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(count(&database.client().await, "diaries").await, 1);
    let to = action(&browser.html("/app").await);
    let blank = browser.post_parts(&to, entry(" ", None)).await;
    assert_eq!(blank.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(blank.text().await.unwrap().contains("id=\"entry-text-e\""));
}

#[tokio::test]
async fn a_page_of_long_entries_is_shorter_and_leads_to_the_older_ones() {
    let (app, database) = spawn_app().await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let insert = "INSERT INTO diaries (user_id, text) SELECT 1, repeat($1, 20000) FROM generate_series(1, 12)";
    database.client().await.execute(insert, &[&"\u{1f327}"]).await.unwrap();
    let mut ids = Vec::new();
    let mut page = browser.html("/app/diary").await;
    loop {
        let entries = page.split("aria-labelledby=\"d").skip(1);
        ids.extend(entries.map(|entry| entry.split(' ').next().unwrap().parse::<i64>().unwrap()));
        if !page.contains("Older entries") {
            break;
        }
        let older = between(&page, "rel=\"next\" href=\"", "\"").to_owned();
        page = browser.html(&older).await;
    }
    assert!(!page.contains("There are no older entries."));
    assert_eq!(ids, (1..=12).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn older_entries_are_on_the_next_page() {
    let (app, _database) = spawn_app().await;
    let mut browser = Browser::signed_up(&app, "wren").await;
    let wren = Person { id: 1, email: String::new(), token: browser.token.clone().unwrap() };
    for n in 1..=21 {
        wren.writes(&app, &format!("entry {n}.")).await;
    }
    let first = browser.html("/app/diary").await;
    assert!(first.contains("entry 21.") && first.contains("entry 2.") && !first.contains("entry 1."), "{first}");
    let older = between(&first, "rel=\"next\" href=\"", "\"");
    assert_eq!(older, "/app/diary?before=2");
    let second = browser.html(older).await;
    assert!(second.contains("entry 1.") && !second.contains("entry 2."), "{second}");
    assert!(second.contains("Newest entries") && !second.contains("rel=\"next\""), "{second}");
}

#[tokio::test]
async fn the_navigation_and_the_start_follow_the_session_and_a_cookie_that_is_over_goes() {
    let (app, _database) = spawn_app().await;
    let mut browser = Browser::new(&app);
    let start = browser.html("/app").await;
    assert!(start.contains("action=\"/app/sign-up\"") && start.contains("action=\"/app/sign-in\""), "{start}");
    assert!(!start.contains("href=\"/app/diary\"") && !start.contains("Sign out"), "{start}");
    let mut browser = Browser::signed_up(&app, "wren").await;
    for path in ["/app", "/app/visits", "/problems", "/docs/"] {
        let page = browser.html(path).await;
        assert!(page.contains("href=\"/app/diary\"") && page.contains("action=\"/app/sign-out\""), "{path}: {page}");
    }
    for path in ["/app/sign-in", "/app/sign-up"] {
        assert_eq!(location(&browser.get(path).await), "/app", "{path}");
    }
    let token = browser.token.clone();
    browser.submit("/app/sign-out", &[]).await;
    for (path, leads_to) in [("/app/diary", "/app/sign-in?next=/app/diary"), ("/app", "/app")] {
        browser.token.clone_from(&token);
        let response = browser.get(path).await;
        assert_eq!(response.headers()[LOCATION], leads_to, "{path}");
        assert!(response.headers().contains_key(SET_COOKIE));
        assert_eq!(browser.token, None, "{path}");
    }
    assert!(!browser.get("/app").await.headers().contains_key(RETRY_AFTER));
}
