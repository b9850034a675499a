//! `/diaries`: writing, reading, changing and deleting texts.

use futures_util::future::join_all;
use reqwest::header::{LINK, LOCATION};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::diary::created;
use crate::helpers::{App, count, problem, spawn_app, spawn_app_with, until_waiting};
use crate::people::Person;

async fn texts(app: &App, person: &Person, query: &str) -> Vec<String> {
    let response = person.get(app, &format!("/diaries{query}")).await;
    assert_eq!(response.status(), StatusCode::OK, "{:?}", app.service.logs());
    let list: Vec<Value> = response.json().await.unwrap();
    list.iter().map(|diary| diary["Text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_diary_has_the_keys_of_the_contract() {
    let (app, _database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    let response = jane.post_text(&app, "It rained <b>\u{e4}</b>.", None).await;
    assert_eq!(response.headers()[LOCATION], "/diaries/1");
    let diary = created(&app, response).await;
    let created_at = diary["CreatedAt"].as_str().unwrap();
    assert!(created_at.len() > 20 && created_at.ends_with('Z'), "{created_at}");
    assert_eq!(
        diary,
        json!({"ID": 1, "CreatedAt": created_at, "UpdatedAt": created_at, "DeletedAt": null, "Text": "It rained <b>\u{e4}</b>.", "Img": ""})
    );
    let shown: Value = jane.get(&app, "/diaries/1").await.json().await.unwrap();
    assert_eq!(shown, diary);
    let list: Value = jane.get(&app, "/diaries").await.json().await.unwrap();
    assert_eq!(list, json!([diary]));
}

#[tokio::test]
async fn the_list_is_ones_own_and_the_newest_first_page_by_page() {
    let (app, _database) = spawn_app().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    for n in 1..=5 {
        jane.writes(&app, &format!("jane {n}")).await;
        john.writes(&app, &format!("john {n}")).await;
    }
    assert_eq!(texts(&app, &jane, "").await, ["jane 5", "jane 4", "jane 3", "jane 2", "jane 1"]);
    assert_eq!(texts(&app, &jane, "?limit=2").await, ["jane 5", "jane 4"]);
    assert_eq!(texts(&app, &jane, "?limit=2&before=7").await, ["jane 3", "jane 2"]);
    let lists = join_all((0..20).map(|n| texts(&app, if n % 2 == 0 { &jane } else { &john }, "?limit=1"))).await;
    for pair in lists.chunks(2) {
        assert_eq!(pair, [["jane 5"], ["john 5"]]);
    }
    for query in ["?limit=0", "?limit=101", "?limit=x", "?before=0", "?before=x", "?after=1"] {
        let response = jane.get(&app, &format!("/diaries{query}")).await;
        problem(response, StatusCode::UNPROCESSABLE_ENTITY, "fields-refused").await;
    }
}

/// A page of the list: its ids, its length, and the path of the next one.
async fn page(app: &App, person: &Person, path: &str) -> (Vec<i64>, usize, Option<String>) {
    let response = person.get(app, path).await;
    assert_eq!(response.status(), StatusCode::OK, "{:?}", app.service.logs());
    let next = response.headers().get(LINK).map(|link| {
        let link = link.to_str().unwrap();
        link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap().to_owned()
    });
    let body = response.text().await.unwrap();
    let list: Vec<Value> = serde_json::from_str(&body).unwrap();
    (list.iter().map(|diary| diary["ID"].as_i64().unwrap()).collect(), body.len(), next)
}

#[tokio::test]
async fn a_page_of_long_texts_is_shorter_and_names_the_next_one() {
    let (app, database) = spawn_app().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    let insert = "INSERT INTO diaries (user_id, text) SELECT $1, repeat($2, 20000) FROM generate_series(1, 100)";
    database.client().await.execute(insert, &[&jane.id, &"\u{1f327}"]).await.unwrap();
    let mut ids = Vec::new();
    let mut next = Some("/diaries?limit=100".to_owned());
    while let Some(path) = next {
        let (listed, length, following) = page(&app, &jane, &path).await;
        assert!(!listed.is_empty() && length < 500_000, "{} diaries, {length} bytes", listed.len());
        ids.extend(listed);
        next = following;
    }
    assert_eq!(ids, (1..=100).rev().collect::<Vec<_>>());
    for text in ["first", "second", "third"] {
        john.writes(&app, text).await;
    }
    let (ids, _, next) = page(&app, &john, "/diaries?limit=2").await;
    assert_eq!((ids, next), (vec![103, 102], Some("/diaries?before=102&limit=2".to_owned())));
    let (ids, _, next) = page(&app, &john, "/diaries?limit=3").await;
    assert_eq!((ids.len(), next), (3, None));
}

#[tokio::test]
async fn a_page_of_texts_that_json_escapes_is_no_longer_than_another() {
    let (app, database) = spawn_app().await;
    let client = database.client().await;
    let insert = "INSERT INTO diaries (user_id, text) SELECT $1, repeat($2, $3) FROM generate_series(1, 100)";
    // Texts that the list's first query leaves out, and texts that it returns.
    for (n, (text, times)) in [("\u{1}", 20_000), ("\u{1}", 4000), ("\"\n\\", 6000)].into_iter().enumerate() {
        let person = Person::new(&app, &format!("person-{n}")).await;
        client.execute(insert, &[&person.id, &text, &times]).await.unwrap();
        let mut ids = Vec::new();
        let mut next = Some("/diaries?limit=100".to_owned());
        while let Some(path) = next {
            let (listed, length, following) = page(&app, &person, &path).await;
            // What is beside the texts, and the end of the last one.
            assert!(!listed.is_empty() && length < 550_000, "{} diaries, {length} bytes", listed.len());
            assert!(length > 350_000 || following.is_none(), "{} diaries, {length} bytes", listed.len());
            ids.extend(listed);
            next = following;
        }
        assert!(ids.len() == 100 && ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    }
}

#[tokio::test]
async fn an_account_that_is_deleted_while_it_writes_a_diary_gets_a_404_that_says_so() {
    let (app, database) = spawn_app().await;
    let client = database.client().await;
    for (name, table, key) in [("jane", "diaries", None), ("john", "idempotency_keys", Some("a-key"))] {
        let person = Person::new(&app, name).await;
        client.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
        let gone = async {
            until_waiting(&client, &format!("INSERT INTO {table}"), 1).await;
            client.batch_execute(&format!("DELETE FROM users WHERE id = {}; COMMIT", person.id)).await.unwrap();
        };
        let (response, ()) = tokio::join!(person.post_text(&app, "a text", key), gone);
        let answer = problem(response, StatusCode::NOT_FOUND, "not-found").await;
        assert_eq!(answer["detail"], "Your account has been deleted; nothing was written.", "{table}");
    }
}

#[tokio::test]
async fn long_texts_are_listed_whole_between_short_ones() {
    let (app, database) = spawn_app().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    let (long, longer) = ("long \u{1f327} ".repeat(500), "x".repeat(20_000));
    for (person, text) in [(&jane, "short"), (&jane, &long), (&john, &longer), (&jane, "another"), (&jane, &longer)] {
        person.writes(&app, text).await;
    }
    // The text is short, and what its picture shows is told at length.
    let alt = "\u{1f327}".repeat(1000);
    database.client().await.execute("UPDATE diaries SET alt = $1 WHERE text = 'short'", &[&alt]).await.unwrap();
    let list: Vec<Value> = jane.get(&app, "/diaries").await.json().await.unwrap();
    let texts: Vec<&str> = list.iter().map(|diary| diary["Text"].as_str().unwrap()).collect();
    assert_eq!(texts, [&longer, "another", &long, "short"]);
}

#[tokio::test]
async fn anothers_diary_does_not_exist() {
    let admin = "an admin token of more than 32 characters";
    let (app, _database) = spawn_app_with(&[("ADMIN_TOKEN", admin)]).await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    jane.writes(&app, "mine").await;
    let requests = [
        (Method::GET, "/diaries/1", None),
        (Method::PUT, "/diaries/1", Some(json!({"text": "yours"}))),
        (Method::DELETE, "/diaries/1", None),
        (Method::POST, "/diaries/1/restore", None),
        (Method::GET, "/diaries/1/image", None),
    ];
    for (method, path, body) in requests {
        let send = async |token: Option<&str>| app.send(method.clone(), path, token, body.clone()).await;
        problem(send(Some(&john.token)).await, StatusCode::NOT_FOUND, "not-found").await;
        problem(send(None).await, StatusCode::UNAUTHORIZED, "not-signed-in").await;
        problem(send(Some(admin)).await, StatusCode::FORBIDDEN, "not-for-the-admin").await;
    }
    for path in ["/diaries/2", "/diaries/0", "/diaries/x", "/diaries/1/image"] {
        problem(jane.get(&app, path).await, StatusCode::NOT_FOUND, "not-found").await;
    }
    assert_eq!(texts(&app, &jane, "").await, ["mine"]);
}

#[tokio::test]
async fn a_text_can_be_changed_and_a_deleted_diary_is_gone() {
    let (app, _database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    let first = jane.writes(&app, "first").await;
    let changed: Value = jane.put(&app, "/diaries/1", json!({"text": "second"})).await.json().await.unwrap();
    assert_eq!((&changed["Text"], &changed["CreatedAt"]), (&json!("second"), &first["CreatedAt"]));
    assert_ne!(changed["UpdatedAt"], first["UpdatedAt"]);
    problem(
        jane.put(&app, "/diaries/1", json!({"text": " "})).await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "fields-refused",
    )
    .await;
    let deleted: Value = jane.delete(&app, "/diaries/1", None).await.json().await.unwrap();
    assert!(deleted["DeletedAt"].is_string(), "{deleted}");
    problem(jane.get(&app, "/diaries/1").await, StatusCode::NOT_FOUND, "not-found").await;
    problem(jane.put(&app, "/diaries/1", json!({"text": "third"})).await, StatusCode::NOT_FOUND, "not-found").await;
    problem(jane.delete(&app, "/diaries/1", None).await, StatusCode::NOT_FOUND, "not-found").await;
    assert!(texts(&app, &jane, "").await.is_empty());
}

#[tokio::test]
async fn a_deleted_diary_can_be_restored_for_30_days_and_not_longer() {
    let (app, database) = spawn_app().await;
    let (jane, client) = (Person::new(&app, "jane").await, database.client().await);
    let first = jane.writes(&app, "first").await;
    let restore = async || app.send(Method::POST, "/diaries/1/restore", Some(&jane.token), None).await;
    let restored = async || {
        let response = restore().await;
        assert_eq!(response.status(), StatusCode::OK, "{:?}", app.service.logs());
        response.json::<Value>().await.unwrap()
    };
    let deleted_ago = async |ago: &str| {
        jane.delete(&app, "/diaries/1", None).await;
        let sql = format!("UPDATE diaries SET deleted_at = now() - interval '{ago}'");
        client.execute(&sql, &[]).await.unwrap();
    };
    assert_eq!(restored().await, first, "it was not deleted");
    deleted_ago("29 days 23 hours").await;
    assert!(texts(&app, &jane, "").await.is_empty());
    assert_eq!(restored().await, first);
    assert_eq!(restored().await, first, "the same request again");
    assert_eq!(texts(&app, &jane, "").await, ["first"]);
    deleted_ago("30 days 1 minute").await;
    problem(restore().await, StatusCode::NOT_FOUND, "not-found").await;
    assert!(texts(&app, &jane, "").await.is_empty());
}

#[tokio::test]
async fn a_repeated_key_gives_the_same_answer_and_writes_nothing() {
    let (app, database) = spawn_app().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    let first = created(&app, jane.post_text(&app, "once", Some("a-key")).await).await;
    assert_eq!(created(&app, jane.post_text(&app, "once", Some("a-key")).await).await, first);
    jane.put(&app, "/diaries/1", json!({"text": "changed"})).await;
    assert_eq!(created(&app, jane.post_text(&app, "once", Some("a-key")).await).await, first);
    jane.delete(&app, "/diaries/1", None).await;
    assert_eq!(created(&app, jane.post_text(&app, "once", Some("a-key")).await).await, first);
    let other = jane.post_text(&app, "twice", Some("a-key")).await;
    problem(other, StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused").await;
    let client = database.client().await;
    assert_eq!(count(&client, "diaries").await, 1);
    created(&app, john.post_text(&app, "twice", Some("a-key")).await).await;
    client.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'", &[]).await.unwrap();
    created(&app, jane.post_text(&app, "twice", Some("a-key")).await).await;
    assert_eq!(count(&client, "diaries").await, 3);
    for key in ["", "a b", &"k".repeat(256)] {
        problem(jane.post_text(&app, "x", Some(key)).await, StatusCode::UNPROCESSABLE_ENTITY, "fields-refused").await;
    }
}

#[tokio::test]
async fn of_many_requests_at_once_with_one_key_one_writes() {
    let (app, database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    for response in join_all((0..8).map(|_| jane.post_text(&app, "once", Some("a-key")))).await {
        match response.status() {
            StatusCode::CREATED => assert_eq!(created(&app, response).await["ID"], 1),
            _ => drop(problem(response, StatusCode::CONFLICT, "idempotency-key-in-flight").await),
        }
    }
    assert_eq!(count(&database.client().await, "diaries").await, 1);
}

#[tokio::test]
async fn a_failed_try_frees_its_key() {
    let (app, database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    let refused = jane.post_text(&app, " ", Some("a-key")).await;
    problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "fields-refused").await;
    created(&app, jane.post_text(&app, "now right", Some("a-key")).await).await;
    assert_eq!(count(&database.client().await, "diaries").await, 1);
}

#[tokio::test]
async fn a_text_that_no_database_can_store_is_refused() {
    let (app, database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    let table = [
        (json!({"text": "a\u{0}b"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"text": ""}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"text": "\u{e4}".repeat(20_001)}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"text": 5}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"text": "a", "Text": "b"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"text": "a".repeat(130_000)}), StatusCode::PAYLOAD_TOO_LARGE),
    ];
    for (body, status) in table {
        let response = app.send(Method::POST, "/diaries", Some(&jane.token), Some(body)).await;
        assert_eq!(response.status(), status, "{}", response.text().await.unwrap());
    }
    assert_eq!(count(&database.client().await, "diaries").await, 0);
    jane.writes(&app, &"\u{1f327}".repeat(20_000)).await;
}
