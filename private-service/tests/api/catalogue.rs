//! Books and authors: system D's contract, and HTTP's for what does not change.

use causeway_testing::openapi::assert_committed;
use causeway_testing::service::run;
use reqwest::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::helpers::{App, BINARY, PATIENCE, client, problem, spawn_app, spawn_app_with};

/// The parts, and a key that each record of them has.
const PARTS: [(&str, &str); 2] = [("books", "isbn"), ("authors", "book")];

async fn spawn_both() -> App {
    spawn_app_with(&[("CATALOGUE", "books,authors")]).await
}

async fn json_of(response: Response) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    response.json().await.unwrap()
}

#[tokio::test]
async fn books_and_authors_have_the_shapes_that_callers_rely_on() {
    let app = spawn_both().await;
    let books = json_of(app.get("/api/books").await).await;
    let authors = json_of(app.get("/api/authors").await).await;
    for list in [&books, &authors] {
        let ids: Vec<_> = list.as_array().unwrap().iter().map(|record| record["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    }
    let book = json!({"id": 1, "isbn": 9_781_119_490_708_u64, "title": "AWS Certified Cloud Practitioner Study",
        "publisher": "Wiley", "date": "07/02/2019"});
    assert_eq!(books[0], book);
    assert_eq!(json_of(app.get("/api/books/1").await).await, book);
    let author = json!({"id": 6, "name": "Ajit Pratap Kundan", "book": "VMware Cross-Cloud Architecture"});
    assert_eq!(authors[5], author);
    assert_eq!(json_of(app.get("/api/authors/6").await).await, author);
}

#[tokio::test]
async fn a_number_that_no_record_has_is_a_404_and_what_is_no_number_a_400() {
    let app = spawn_both().await;
    for (part, _) in PARTS {
        for id in ["7", "0", "99999999999999999999999999"] {
            let response = app.get(&format!("/api/{part}/{id}")).await;
            problem(response, StatusCode::NOT_FOUND, "not-found").await;
        }
        for id in ["abc", "1abc", "-1", "+1", "1.0", "%20", "1%00"] {
            let response = app.get(&format!("/api/{part}/{id}")).await;
            problem(response, StatusCode::BAD_REQUEST, "bad-id").await;
        }
        for path in [format!("/api/{part}X"), format!("/api/{part}/1/2"), format!("/api/{part}/")] {
            assert_eq!(app.get(&path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}

#[tokio::test]
async fn each_answer_has_a_strong_etag_that_saves_sending_it_again() {
    let app = spawn_both().await;
    for path in ["/api/books", "/api/books/2", "/api/authors", "/api/authors/2"] {
        let first = app.get(path).await;
        let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
        assert!(tag.len() == 18 && tag.starts_with('"'), "{tag}");
        assert_eq!(first.headers()[CACHE_CONTROL], "public, max-age=60");
        let lists = [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()];
        for known in lists {
            let response = client().get(app.url(path)).header(IF_NONE_MATCH, &known).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(response.headers()[ETAG], tag.as_str());
            assert_eq!(response.headers()[CACHE_CONTROL], "public, max-age=60");
            assert_eq!(response.text().await.unwrap(), "");
        }
        for other in ["\"other\"", "rubbish", ""] {
            let response = client().get(app.url(path)).header(IF_NONE_MATCH, other).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{other}");
        }
    }
    let tags =
        ["/api/books", "/api/books/1", "/api/books/2"].map(async |path| app.get(path).await.headers()[ETAG].clone());
    let [list, first, second] = tags;
    let (list, first, second) = (list.await, first.await, second.await);
    assert!(list != first && first != second && list != second);
}

#[tokio::test]
async fn head_is_get_without_the_body_and_other_methods_are_refused() {
    let app = spawn_both().await;
    for path in ["/api/books", "/api/books/1", "/api/books/health", "/api/authors", "/api/authors/1"] {
        let get = app.get(path).await;
        let head = app.request(Method::HEAD, path).await;
        assert_eq!(head.status(), StatusCode::OK);
        assert_eq!(head.headers().get(ETAG), get.headers().get(ETAG));
        let length = get.headers()[CONTENT_LENGTH].clone();
        assert_eq!(head.headers()[CONTENT_LENGTH], length);
        assert_eq!(head.text().await.unwrap(), "");
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let response = app.request(method, path).await;
            assert_eq!(response.headers()[ALLOW], "GET, HEAD");
            problem(response, StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed").await;
        }
    }
}

#[tokio::test]
async fn an_instance_serves_what_it_is_told_to_and_fails_the_other_parts_health_check() {
    for ((served, _), (other, _)) in PARTS.into_iter().zip(PARTS.into_iter().rev()) {
        let app = spawn_app_with(&[("CATALOGUE", served)]).await;
        for path in ["", "/1", "/health"] {
            assert_eq!(app.get(&format!("/api/{served}{path}")).await.status(), StatusCode::OK);
            let response = app.get(&format!("/api/{other}{path}")).await;
            problem(response, StatusCode::NOT_FOUND, "not-found").await;
        }
    }
}

#[tokio::test]
async fn without_catalogue_there_are_no_books_and_the_description_names_none() {
    let app = spawn_app().await;
    for path in ["/api/books", "/api/authors", "/api/books/health"] {
        problem(app.get(path).await, StatusCode::NOT_FOUND, "not-found").await;
    }
    let openapi: Value = app.get("/openapi.json").await.json().await.unwrap();
    assert!(openapi["paths"].as_object().unwrap().keys().all(|path| !path.starts_with("/api/")));
}

#[tokio::test]
async fn the_description_names_every_path_that_is_served() {
    let app = spawn_both().await;
    let openapi: Value = app.get("/openapi.json").await.json().await.unwrap();
    for (part, key) in PARTS {
        for path in [format!("/api/{part}"), format!("/api/{part}/{{id}}"), format!("/api/{part}/health")] {
            assert!(openapi["paths"][&path]["get"].is_object(), "{path}");
        }
        let schema = if part == "books" { "Book" } else { "Author" };
        assert!(openapi["components"]["schemas"][schema]["properties"][key].is_object(), "{openapi}");
    }
}

#[tokio::test]
async fn the_committed_openapi_document_is_the_served_one() {
    let app = spawn_both().await;
    assert_committed("private-service", &json_of(app.get("/openapi.json").await).await);
}

#[tokio::test]
async fn the_start_is_logged_with_count_and_etag() {
    let app = spawn_app_with(&[("CATALOGUE", "books")]).await;
    let line = app.service.wait_for_log(|line| line["message"] == "serving the catalogue", PATIENCE).await;
    assert_eq!((&line["part"], &line["count"]), (&json!("books"), &json!(6)));
    let tag = app.get("/api/books").await.headers()[ETAG].to_str().unwrap().to_owned();
    assert_eq!(line["etag"].as_str().unwrap(), tag.trim_matches('"'));
}

#[tokio::test]
async fn a_file_replaces_the_data() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let book = json!({"id": 41, "isbn": 9_780_000_000_000_u64, "title": "T", "publisher": "P", "date": "02/29/2024"});
    std::fs::write(file.path(), json!({"books": [book]}).to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    let app = spawn_app_with(&[("CATALOGUE", "books"), ("CATALOGUE_FILE", path)]).await;
    assert_eq!(json_of(app.get("/api/books").await).await, json!([book]));
    assert_eq!(json_of(app.get("/api/books/41").await).await, book);
    assert_eq!(app.get("/api/books/1").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wrong_file_is_refused_before_a_port_opens_with_every_mistake_and_its_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let data = "{\"authors\": [\n{\"id\": 0, \"name\": \"A\", \"book\": \"B\"},\n{\"id\": 2, \"book\": \"B\"}\n]}";
    for (content, expected) in [
        (data, &["line 2: id is not greater than 0", "line 3: missing field `name`"][..]),
        ("{\"authors\": []}", &["has no \"books\""]),
        (&" ".repeat(1024 * 1024 + 1), &["is longer than 1048576 bytes"]),
    ] {
        std::fs::write(path, content).unwrap();
        let output = run(BINARY, &[], [("CATALOGUE", "books"), ("CATALOGUE_FILE", path)]).await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{stderr}");
        assert!(expected.iter().all(|text| stderr.contains(text)), "{stderr}");
        assert!(stderr.contains("\n  CATALOGUE_FILE: ") && output.stdout.is_empty(), "{stderr}");
    }
    let output = run(BINARY, &[], [("CATALOGUE", "books,films"), ("CATALOGUE_FILE", "/nowhere.json")]).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("\n  CATALOGUE: \"films\"") && stderr.contains("\n  CATALOGUE_FILE: "), "{stderr}");
}
