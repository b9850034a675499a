//! Pictures: stored without metadata, shown by a URL that does not last.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::diary::{BUCKET, assert_whole, created, form, jpeg, part, spawn_with_bucket, storage, sweep, with_picture};
use crate::helpers::{App, client, count, eventually, problem, spawn_app, spawn_app_with};
use crate::people::Person;

/// The picture of a diary, as a browser gets it.
async fn picture(app: &App, person: &Person, path: &str) -> (String, Vec<u8>) {
    let redirect = person.get(app, path).await;
    assert_eq!(redirect.status(), StatusCode::FOUND);
    assert_eq!(redirect.headers()[CACHE_CONTROL], "private, max-age=60");
    let url = redirect.headers()[LOCATION].to_str().unwrap().to_owned();
    assert!(url.contains("X-Amz-Expires=120"), "{url}");
    let response = client().get(url).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let kind = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
    (kind, response.bytes().await.unwrap().to_vec())
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Noise does not compress: about 8 MB.
fn large_png() -> Vec<u8> {
    let (width, height) = (1700, 1600);
    let mut state = 1_u32;
    let noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let pixels: Vec<u8> = std::iter::repeat_with(noise).take(width * height * 3).collect();
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(&pixels, 1700, 1600, ExtendedColorType::Rgb8).unwrap();
    file
}

#[tokio::test]
async fn a_picture_is_stored_without_metadata_and_shown_to_its_owner() {
    let (app, database, s3) = spawn_with_bucket().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    let sent = jpeg();
    assert!(contains(&sent, b"SECRET"));
    let diary = jane.writes_with_picture(&app, "with a picture", &sent).await;
    assert_eq!(diary["Img"], "/diaries/1/image");
    let (kind, shown) = picture(&app, &jane, "/diaries/1/image").await;
    assert_eq!(kind, "image/jpeg");
    assert!(!contains(&shown, b"SECRET"));
    let decoded = |bytes: &[u8]| image::load_from_memory(bytes).unwrap();
    assert_eq!(decoded(&shown), decoded(&sent));
    problem(john.get(&app, "/diaries/1/image").await, StatusCode::NOT_FOUND, "not-found").await;
    let keys = s3.keys(BUCKET).unwrap();
    assert!(matches!(&keys[..], [key] if key.len() == 27 && key.rsplit_once('.').unwrap().1 == "jpeg"), "{keys:?}");
    assert_whole(&database, &s3).await;
    jane.delete(&app, "/diaries/1", None).await;
    problem(jane.get(&app, "/diaries/1/image").await, StatusCode::NOT_FOUND, "not-found").await;
}

#[tokio::test]
async fn a_large_picture_goes_in_parts_and_comes_back_whole() {
    let (app, database, s3) = spawn_with_bucket().await;
    let jane = Person::new(&app, "jane").await;
    let sent = large_png();
    assert!((6_000_000..10_000_000).contains(&sent.len()), "{}", sent.len());
    // The text may come after the file.
    let body = form(&[part("name=\"file\"; filename=\"x\"", &sent), part("name=\"text\"", b"after")]);
    created(&app, jane.post_form(&app, body).await).await;
    let (kind, shown) = picture(&app, &jane, "/diaries/1/image").await;
    assert!(kind == "image/png" && shown == sent, "{kind}, {} bytes", shown.len());
    assert_whole(&database, &s3).await;
}

#[tokio::test]
async fn other_files_are_refused_and_leave_nothing() {
    let (app, database, s3) = spawn_with_bucket().await;
    let jane = Person::new(&app, "jane").await;
    let bomb = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0    ";
    for (file, status, kind, word) in [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1".as_slice(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "picture-type", "HEIC"),
        (b"<svg onload='alert(1)'></svg>", StatusCode::UNSUPPORTED_MEDIA_TYPE, "picture-type", "JPEG"),
        (b"", StatusCode::UNSUPPORTED_MEDIA_TYPE, "picture-type", "JPEG"),
        (bomb, StatusCode::UNPROCESSABLE_ENTITY, "picture-refused", "60000 × 60000"),
        (&jpeg()[..300], StatusCode::UNPROCESSABLE_ENTITY, "picture-refused", "complete"),
    ] {
        let answer = problem(jane.post_form(&app, with_picture("a text", file)).await, status, kind).await;
        assert!(answer["detail"].as_str().unwrap().contains(word), "{answer}");
    }
    let client = database.client().await;
    assert_eq!((count(&client, "diaries").await, count(&client, "pictures").await), (0, 0));
    assert!(s3.keys(BUCKET).unwrap().is_empty());
}

#[tokio::test]
async fn a_repeated_key_does_not_store_the_picture_twice() {
    let (app, _database, s3) = spawn_with_bucket().await;
    let jane = Person::new(&app, "jane").await;
    let post = async |picture: &[u8]| {
        let request = app.prepare(Method::POST, "/diaries").bearer_auth(&jane.token);
        let request = request.header(CONTENT_TYPE, "multipart/form-data; boundary=a-boundary");
        request.header("idempotency-key", "k").body(with_picture("a text", picture)).send().await.unwrap()
    };
    let first = created(&app, post(&jpeg()).await).await;
    assert_eq!(created(&app, post(&jpeg()).await).await, first);
    let other = [jpeg(), b"x".to_vec()].concat();
    problem(post(&other).await, StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused").await;
    assert_eq!(s3.keys(BUCKET).unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_bucket_files_are_a_503_and_texts_go_on() {
    let (app, _database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    let response = jane.post_form(&app, with_picture("a text", &jpeg())).await;
    problem(response, StatusCode::SERVICE_UNAVAILABLE, "no-picture-storage").await;
    created(&app, jane.post_form(&app, form(&[part("name=\"text\"", b"a text")])).await).await;
}

#[tokio::test]
async fn a_user_who_has_stored_enough_stores_no_more() {
    let s3 = causeway_testing::aws::S3::start().await;
    let url = s3.url();
    let env = [&storage(&url)[..], &[("DIARY_USER_MEGABYTES", "1")]].concat();
    let (app, database) = spawn_app_with(&env).await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    jane.writes_with_picture(&app, "first", &jpeg()).await;
    database.client().await.execute("UPDATE pictures SET bytes = 1000000", &[]).await.unwrap();
    let full = jane.post_form(&app, with_picture("second", &jpeg())).await;
    problem(full, StatusCode::PAYLOAD_TOO_LARGE, "storage-full").await;
    jane.writes(&app, "a text goes on").await;
    john.writes_with_picture(&app, "another user too", &jpeg()).await;
}

#[tokio::test]
async fn pictures_go_with_an_account_and_with_what_was_deleted_long_ago() {
    let (app, database, s3) = spawn_with_bucket().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    for text in ["stays", "goes", "was deleted a moment ago"] {
        jane.writes_with_picture(&app, text, &jpeg()).await;
    }
    for _ in 0..3 {
        john.writes_with_picture(&app, "john's", &jpeg()).await;
    }
    jane.delete(&app, "/diaries/2", None).await;
    jane.delete(&app, "/diaries/3", None).await;
    let client = database.client().await;
    let old = "UPDATE diaries SET deleted_at = now() - interval '31 days' WHERE id = 2";
    client.execute(old, &[]).await.unwrap();
    client
        .execute("UPDATE sessions SET created_at = now() - interval '100 days' WHERE user_id = 99", &[])
        .await
        .unwrap();
    let jane_writes = jane.post_text(&app, "with a key", Some("old")).await;
    created(&app, jane_writes).await;
    client.execute("UPDATE idempotency_keys SET created_at = now() - interval '2 days'", &[]).await.unwrap();
    assert_eq!(s3.keys(BUCKET).unwrap().len(), 6);
    john.leaves(&app).await;
    eventually("the sweep is done", async || (s3.keys(BUCKET).unwrap().len() == 2).then_some(())).await;
    sweep(&app, &database).await;
    assert_whole(&database, &s3).await;
    assert_eq!((count(&client, "diaries").await, count(&client, "idempotency_keys").await), (3, 0));
    let response = jane.put(&app, "/diaries/1", json!({"text": "is still there"})).await;
    assert_eq!(response.status(), StatusCode::OK);
}
