//! Diaries for tests: what is posted, and where its pictures are.

use causeway_testing::aws::{ACCESS_KEY_ID, S3, SECRET_ACCESS_KEY};
use causeway_testing::postgres::TestDatabase;
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::helpers::{App, eventually, spawn_app_with};
use crate::people::{PASSWORD, Person};

pub const BUCKET: &str = "diaries";
pub const BOUNDARY: &str = "a-boundary";

/// The variables by which a service finds its bucket at `endpoint`.
pub fn storage(endpoint: &str) -> [(&str, &str); 6] {
    [
        // What a slow test machine must not run into.
        ("DIARY_STORAGE_TIMEOUT_MS", "15000"),
        ("DIARY_BUCKET", BUCKET),
        ("AWS_ENDPOINT_URL_S3", endpoint),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
    ]
}

/// The service with a database and a bucket.
pub async fn spawn_with_bucket() -> (App, TestDatabase, S3) {
    let s3 = S3::start().await;
    let (app, database) = spawn_app_with(&storage(&s3.url())).await;
    (app, database, s3)
}

/// A part of a form.
pub fn part(head: &str, content: &[u8]) -> Vec<u8> {
    [b"--a-boundary\r\nContent-Disposition: form-data; ".as_slice(), head.as_bytes(), b"\r\n\r\n", content, b"\r\n"]
        .concat()
}

/// A whole form of these parts.
pub fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), b"--a-boundary--\r\n".to_vec()].concat()
}

/// A form with a text and a picture.
pub fn with_picture(text: &str, picture: &[u8]) -> Vec<u8> {
    form(&[part("name=\"text\"", text.as_bytes()), part("name=\"file\"; filename=\"../a/b.exe\"", picture)])
}

/// The head of a request that uploads a body of this length.
pub fn head(person: &Person, more: &str, length: usize) -> String {
    format!(
        "POST /diaries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{more}Content-Length: {length}\r\n\
         Content-Type: multipart/form-data; boundary=a-boundary\r\n\r\n",
        person.token
    )
}

pub fn pixels() -> RgbImage {
    let low = |value: u32| value.to_le_bytes()[0];
    RgbImage::from_fn(60, 40, |x, y| Rgb([low(x * 4), low(y * 6), low(x + y)]))
}

/// A JPEG whose comment and trailer say `SECRET`.
pub fn jpeg() -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new(&mut file).encode_image(&pixels()).unwrap();
    [&file[..2], b"\xff\xfe\0\x08SECRET", &file[2..], b"SECRET"].concat()
}

impl Person {
    /// Posts a form.
    pub async fn post_form(&self, app: &App, body: Vec<u8>) -> Response {
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = app.prepare(Method::POST, "/diaries").bearer_auth(&self.token);
        request.header(CONTENT_TYPE, content_type).body(body).send().await.unwrap()
    }

    /// Posts a text, perhaps with an idempotency key.
    pub async fn post_text(&self, app: &App, text: &str, key: Option<&str>) -> Response {
        let mut request = app.prepare(Method::POST, "/diaries").bearer_auth(&self.token).json(&json!({"text": text}));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.send().await.unwrap()
    }

    /// Writes a diary, which must succeed.
    pub async fn writes(&self, app: &App, text: &str) -> Value {
        created(app, self.post_text(app, text, None).await).await
    }

    /// Writes a diary with a picture, which must succeed.
    pub async fn writes_with_picture(&self, app: &App, text: &str, picture: &[u8]) -> Value {
        created(app, self.post_form(app, with_picture(text, picture)).await).await
    }

    /// Deletes the account, which starts the sweep.
    pub async fn leaves(&self, app: &App) {
        let response = self.delete(app, &self.path(), Some(json!({"currentPassword": PASSWORD}))).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
}

/// The diary of an answer that must be 201.
pub async fn created(app: &App, response: Response) -> Value {
    assert_eq!(response.status(), StatusCode::CREATED, "{}: {:?}", response.text().await.unwrap(), app.service.logs());
    response.json().await.unwrap()
}

/// Makes everything old that waits for the sweep, and sweeps.
pub async fn sweep(app: &App, database: &TestDatabase) {
    let client = database.client().await;
    client
        .execute("UPDATE pictures SET created_at = now() - interval '2 hours' WHERE state = 'pending'", &[])
        .await
        .unwrap();
    Person::new(app, "starts-the-sweep").await.leaves(app).await;
    eventually("the sweep is done", async || {
        let sql = "SELECT count(*) FROM pictures WHERE state <> 'stored' OR diary IS NULL";
        (client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 0).then_some(())
    })
    .await;
}

/// No row names a missing object, and no object is without a row.
pub async fn assert_whole(database: &TestDatabase, s3: &S3) {
    let client = database.client().await;
    let keys = async |sql: &str| -> Vec<String> {
        client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    let stored = s3.keys(BUCKET).unwrap();
    let mut rows = keys("SELECT key FROM pictures").await;
    let mut named = keys("SELECT picture FROM diaries WHERE picture IS NOT NULL").await;
    rows.sort();
    named.sort();
    assert_eq!(stored, rows, "objects and rows");
    assert_eq!(stored, named, "objects and diaries");
}
