//! The pages below `/app` on which people sign up, sign in and look after their account, as a browser without a script
//! uses them.

use reqwest::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use reqwest::{Method, StatusCode};

use crate::helpers::{spawn_app, spawn_app_with};
use crate::people::{PASSWORD, Person, is_session, sign_in, token_of};
use crate::web::{Browser, between};

#[tokio::test]
async fn one_signs_up_looks_around_changes_everything_and_leaves_without_a_script() {
    let (app, _database) = spawn_app().await;
    let mut browser = Browser::new(&app);
    let form = browser.html("/app/sign-up").await;
    assert!(form.contains("@example.com\"") && form.contains("autocomplete=\"new-password\""), "{form}");
    let person = [("name", "Wren <b>Okafor</b>"), ("email", "wren@example.com"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/app/sign-up", &person).await, "/app");
    let account = browser.html("/app/account").await;
    assert!(account.contains("Wren &lt;b&gt;Okafor") && account.contains("This one"), "{account}");
    let users = browser.html("/app/users").await;
    assert!(users.contains("Wren &lt;b&gt;Okafor") && users.contains("wren@example.com"), "{users}");

    assert_eq!(browser.submit("/app/account/name", &[("name", "Wren")]).await, "/app/account?done=name");
    assert!(browser.html("/app/account?done=name").await.contains("value=\"Wren\""));
    let elsewhere = browser.token.clone().unwrap();
    let change = [("email", "wren@example.com"), ("password", "another password"), ("current", PASSWORD)];
    assert_eq!(browser.submit("/app/account/credentials", &change).await, "/app/account?done=credentials");
    assert!(!is_session(&app, &elsewhere).await);
    assert_eq!(browser.submit("/app/sign-out", &[]).await, "/app");
    assert_eq!(browser.token, None);
    let person = [("email", "wren@example.com"), ("password", "another password")];
    assert_eq!(browser.submit("/app/sign-in", &person).await, "/app");
    assert_eq!(browser.submit("/app/account/delete", &[("current", "another password")]).await, "/app");
    assert_eq!(sign_in(&app, "wren@example.com", "another password").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_mistake_is_shown_at_its_field_and_what_was_typed_is_kept_but_the_password() {
    let (app, _database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    let mut browser = Browser::new(&app);
    let typed = [("name", "Wren \"O\""), ("email", "wren@example"), ("password", "short")];
    let page = browser.refused("/app/sign-up", &typed, StatusCode::UNPROCESSABLE_ENTITY).await;
    for part in ["value=\"Wren &quot;O&quot;\"", "value=\"wren@example\"", "id=\"up-email-e\"", "id=\"up-password-e\""]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("short") && page.matches("aria-invalid=\"true\"").count() == 2, "{page}");
    let taken = [("name", ""), ("email", &*jane.email), ("password", PASSWORD)];
    let page = browser.refused("/app/sign-up", &taken, StatusCode::CONFLICT).await;
    assert!(page.contains("Email has an account.") && !page.contains(PASSWORD), "{page}");
    let wrong = [("email", &*jane.email), ("password", "a wrong password")];
    let page = browser.refused("/app/sign-in", &wrong, StatusCode::UNAUTHORIZED).await;
    assert!(page.contains("value=\"jane@example.com\"") && page.contains("role=\"alert\""), "{page}");
    assert!(!page.contains("a wrong password"), "{page}");

    browser.token = Some(jane.token);
    let wrong = [("email", "new@example.com"), ("password", ""), ("current", "a wrong password")];
    let page = browser.refused("/app/account/credentials", &wrong, StatusCode::FORBIDDEN).await;
    assert!(page.contains("value=\"new@example.com\"") && page.contains("id=\"credentials-current-e\""), "{page}");
    assert!(!page.contains("id=\"delete-current-e\""), "{page}");
    let page = browser.refused("/app/account/delete", &[("current", "")], StatusCode::FORBIDDEN).await;
    assert!(page.contains("id=\"delete-current-e\""), "{page}");
}

#[tokio::test]
async fn a_page_for_those_who_are_signed_in_leads_others_to_the_form_that_signs_in() {
    let (app, _database) = spawn_app().await;
    for token in [None, Some("no token at all".to_owned())] {
        let mut browser = Browser { app: &app, token };
        for path in ["/app/account", "/app/users"] {
            let response = browser.get(path).await;
            assert_eq!(response.status(), StatusCode::SEE_OTHER, "{path}");
            assert_eq!(response.headers()[LOCATION], format!("/app/sign-in?next={path}"));
        }
        assert_eq!(browser.post("/app/account/name", &[("name", "x")]).await.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(browser.submit("/app/sign-out", &[]).await, "/app");
    }
}

#[tokio::test]
async fn a_form_whose_session_has_ended_asks_to_sign_in_and_leads_back() {
    let (app, _database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    for (path, page) in [("/app/account/name", "/app/account"), ("/app/diary/1/delete", "/app/diary")] {
        let mut browser = Browser { app: &app, token: Some("no token at all".to_owned()) };
        let form = browser.post(path, &[("name", "x")]).await;
        assert_eq!(form.status(), StatusCode::UNAUTHORIZED);
        let form = form.text().await.unwrap();
        assert!(form.contains("You were signed out. Nothing was changed."), "{form}");
        assert_eq!(between(&form, "name=\"next\" value=\"", "\""), page);
        let known = [("email", &*jane.email), ("password", "a wrong password"), ("next", page)];
        let form = browser.refused("/app/sign-in", &known, StatusCode::UNAUTHORIZED).await;
        assert_eq!(between(&form, "name=\"next\" value=\"", "\""), page);
        let known = [("email", &*jane.email), ("password", PASSWORD), ("next", page)];
        assert_eq!(browser.submit("/app/sign-in", &known).await, page);
    }
    let astray = [("email", &*jane.email), ("password", PASSWORD), ("next", "//elsewhere.example/app/diary")];
    assert_eq!(Browser::new(&app).submit("/app/sign-in", &astray).await, "/app");
}

#[tokio::test]
async fn one_signs_out_everywhere_else_at_once() {
    let (app, _database) = spawn_app().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    let mut browser = Browser { app: &app, token: Some(jane.token.clone()) };
    assert!(!browser.html("/app/account").await.contains("everywhere else"));
    let other = token_of(sign_in(&app, &jane.email, PASSWORD).await).await;
    assert!(browser.html("/app/account").await.contains("Sign out everywhere else"));
    assert_eq!(browser.submit("/app/account/sessions", &[]).await, "/app/account?done=sessions");
    assert!(browser.html("/app/account?done=sessions").await.contains("signed out everywhere but here"));
    assert!(!is_session(&app, &other).await && john.is_signed_in(&app).await);
}

#[tokio::test]
async fn the_page_of_users_begins_with_the_newest() {
    let (app, database) = spawn_app().await;
    let insert =
        "INSERT INTO users (email, password) SELECT 'user-' || n || '@example.com', '' FROM generate_series(1, 21) n";
    database.client().await.execute(insert, &[]).await.unwrap();
    let mut browser = Browser::signed_up(&app, "wren").await;
    let first = browser.html("/app/users").await;
    assert!(between(&first, "<tbody>", "</tr>").contains("wren@example.com"), "{first}");
    let older = between(&first, "rel=\"next\" href=\"", "\"");
    assert_eq!(older, "/app/users?before=3");
    let second = browser.html(older).await;
    assert!(second.contains("Newest users") && !second.contains("rel=\"next\""), "{second}");
    assert_eq!(second.matches("Signed up\"").count(), 2);
}

#[tokio::test]
async fn the_page_of_visits_lists_the_newest_first() {
    let (app, _database) = spawn_app().await;
    let mut browser = Browser::new(&app);
    assert!(browser.html("/app/visits").await.contains("No visits yet"));
    for caller in ["first <b>", "second"] {
        app.registered(caller).await;
    }
    let page = browser.html("/app/visits").await;
    let listed = between(&page, "<tbody>", "</tbody>");
    let [first, second] = ["first &lt;b&gt;", "second"].map(|caller| listed.find(caller));
    assert!(second.is_some() && second < first, "{listed}");
}

#[tokio::test]
async fn one_signs_out_elsewhere_and_never_others() {
    let (app, _database) = spawn_app().await;
    let (jane, john) = (Person::new(&app, "jane").await, Person::new(&app, "john").await);
    let mut browser = Browser::new(&app);
    let form = [("email", &*jane.email), ("password", PASSWORD)];
    browser.submit("/app/sign-in", &form).await;
    let page = browser.html("/app/account").await;
    let action = page.split('"').find(|text| text.starts_with("/app/account/sessions/")).unwrap().to_owned();
    let others = Browser { app: &app, token: Some(john.token.clone()) }.post(&action, &[]).await;
    assert_eq!(others.status(), StatusCode::NOT_FOUND);
    assert!(jane.is_signed_in(&app).await);
    assert_eq!(browser.submit(&action, &[]).await, "/app/account?done=session");
    assert!(!jane.is_signed_in(&app).await && john.is_signed_in(&app).await);
}

#[tokio::test]
async fn another_site_can_send_no_form() {
    let (app, _database) = spawn_app().await;
    let jane = Person::new(&app, "jane").await;
    for path in ["/app/sign-in", "/app/sign-up", "/app/sign-out", "/app/account/delete", "/app/system"] {
        let request = app.prepare(Method::POST, path).header("sec-fetch-site", "cross-site");
        let request = request.header("cookie", format!("__Host-session={}", jane.token)).body("email=a&password=b");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
        assert!(!response.headers().contains_key(SET_COOKIE));
        assert!(response.text().await.unwrap().contains("<h1>Sent by another site</h1>"), "{path}");
    }
    assert!(jane.is_signed_in(&app).await);
}

#[tokio::test]
async fn a_form_that_is_sent_too_often_says_when_to_come_back() {
    let (app, _database) = spawn_app_with(&[("FAILURES_PER_ADDRESS", "1")]).await;
    let mut browser = Browser::new(&app);
    let wrong = [("email", "jane@example.com"), ("password", PASSWORD)];
    browser.refused("/app/sign-in", &wrong, StatusCode::UNAUTHORIZED).await;
    let response = browser.post("/app/sign-in", &wrong).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers().contains_key(RETRY_AFTER));
    assert!(response.text().await.unwrap().contains("value=\"jane@example.com\""));
}
