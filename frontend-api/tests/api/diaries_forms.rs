//! Forms that are not what they say: each is a clear 4xx, and nothing is written.

use futures_util::stream::{self, StreamExt};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::diary::{created, form, part, spawn_with_bucket, with_picture};
use crate::helpers::{App, count, problem, spawn_app};
use crate::people::Person;

const FORM: &str = "multipart/form-data; boundary=a-boundary";

async fn refused(app: &App, person: &Person, content_type: &str, body: Vec<u8>) -> (u16, String) {
    let request = app.prepare(Method::POST, "/diaries").bearer_auth(&person.token);
    let response = request.header(CONTENT_TYPE, content_type).body(body).send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["type"].as_str().unwrap_or_else(|| panic!("{status}: {body}")).to_owned())
}

#[tokio::test]
async fn each_mistake_in_a_form_is_a_clear_4xx() {
    let (app, database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    let text = || part("name=\"text\"", b"a text");
    let malformed = (400, "/problems/body-malformed");
    let fields = (422, "/problems/fields-refused");
    let media_type = (415, "/problems/unsupported-media-type");
    let table: Vec<(&str, Vec<u8>, (u16, &str))> = vec![
        ("multipart/form-data", form(&[text()]), malformed),
        ("multipart/form-data; boundary=", form(&[text()]), malformed),
        ("multipart/form-data; boundary=another", form(&[text()]), malformed),
        ("multipart/mixed; boundary=a-boundary", form(&[text()]), media_type),
        ("text/plain", b"a text".to_vec(), media_type),
        ("application/x-www-form-urlencoded", b"text=a".to_vec(), media_type),
        ("application/json", b"{".to_vec(), malformed),
        (FORM, Vec::new(), malformed),
        (FORM, b"not a form".to_vec(), malformed),
        (FORM, form(&[text()]).replace_lines(), malformed),
        (FORM, form(&[]), fields),
        (FORM, form(&[part("name=\"alt\"", b"an alt")]), fields),
        (FORM, form(&[part("name=\"text\"", b" ")]), fields),
        (FORM, form(&[part("name=\"text\"", b"\xff")]), fields),
        (FORM, form(&[part("name=\"text\"", b"a\0b")]), fields),
        (FORM, form(&[part("name=\"text\"", &b"a".repeat(20_001))]), fields),
        (FORM, form(&[text(), part("name=\"alt\"", &b"a".repeat(1001))]), fields),
        (FORM, form(&[text(), text()]), fields),
        (FORM, form(&[text(), part("name=\"../../text\"", b"x")]), fields),
        (FORM, form(&[part("filename=\"x\"", b"x")]), malformed),
        (FORM, form(&vec![part("name=\"text\"", b""); 100_000]), fields),
        (
            FORM,
            form(&[[b"--a-boundary\r\nX: ".to_vec(), b"x".repeat(70_000), b"\r\n\r\n".to_vec()].concat()]),
            malformed,
        ),
    ];
    for (content_type, body, (status, kind)) in table {
        let shown = String::from_utf8_lossy(&body[..body.len().min(150)]).into_owned();
        let answer = refused(&app, &jane, content_type, body).await;
        assert_eq!((answer.0, &*answer.1), (status, kind), "{content_type} {shown:?}");
    }
    assert_eq!(count(&database.client().await, "diaries").await, 0);
    created(&app, jane.post_form(&app, form(&[text()])).await).await;
    // What a browser sends when no file was chosen.
    created(&app, jane.post_form(&app, form(&[text(), part("name=\"file\"; filename=\"\"", b"")])).await).await;
}

trait ReplaceLines {
    fn replace_lines(self) -> Self;
}

impl ReplaceLines for Vec<u8> {
    /// Ends lines as the standard forbids.
    fn replace_lines(self) -> Self {
        self.into_iter().filter(|byte| *byte != b'\r').collect()
    }
}

#[tokio::test]
async fn a_form_cut_off_anywhere_writes_nothing() {
    let (app, database, s3) = spawn_with_bucket().await;
    let jane = Person::new(&app, "jane").await;
    let body = with_picture("a text", &crate::diary::jpeg());
    let last = body.windows(14).rposition(|window| window == b"--a-boundary--").unwrap() + 14;
    stream::iter(0..last)
        .for_each_concurrent(8, async |cut| {
            let (status, kind) = refused(&app, &jane, FORM, body[..cut].to_vec()).await;
            assert!((400..500).contains(&status), "cut at {cut}: {status} {kind}");
        })
        .await;
    let client = database.client().await;
    assert_eq!((count(&client, "diaries").await, s3.keys("diaries").unwrap().len()), (0, 0));
    created(&app, jane.post_form(&app, body[..last].to_vec()).await).await;
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_announced_or_not() {
    let (app, _database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    let long = jane.post_form(&app, with_picture("a text", &vec![0; 10_300_000])).await;
    problem(long, StatusCode::PAYLOAD_TOO_LARGE, "body-too-large").await;
}
