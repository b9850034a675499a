//! The page for browsers: the report itself, without a script.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use crate::app::App;
use crate::helpers::healthy_database;

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

async fn page(app: &App) -> String {
    app.test_connection(&[HTML]).await.text().await.unwrap()
}

/// The part of `page` from `start` to the next `end`.
fn part<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let rest = page.split_once(start).unwrap_or_else(|| panic!("no {start} in {page}")).1;
    rest.split_once(end).unwrap().0
}

#[tokio::test]
async fn browsers_get_one_page_whose_policy_allows_its_own_styles_and_scripts_alone() {
    let app = App::spawn(&[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")]).await;
    let response = app.test_connection(&[HTML]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(response.headers()["vary"], "accept, authorization, cookie");
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let page = response.text().await.unwrap();
    for element in ["style", "script"] {
        let contents: Vec<_> = page.split(&format!("<{element}>")).skip(1).collect();
        assert!(!contents.is_empty(), "{element}");
        for content in contents {
            let content = content.split_once(&format!("</{element}>")).unwrap().0;
            let hash = STANDARD.encode(digest(&SHA256, content.as_bytes()));
            assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
        }
    }
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    for outside in ["src=\"http", "href=\"http", "@import", "url(http", " style=\"", " onclick="] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Programs are not taken for browsers.
    for accept in ["*/*", "application/json"] {
        let response = app.test_connection(&[("accept", accept)]).await;
        assert_eq!(response.headers()["content-type"], "application/json", "{accept}");
    }
}

#[tokio::test]
async fn the_page_shows_the_verdict_and_the_failing_stage_with_its_remedy_without_a_script() {
    let database = healthy_database().await;
    let app = App::ready(&[("DATABASE_URL", database.url()), ("ECSPRIVATESERVICE", "http://127.0.0.1:1")]).await;
    let page = page(&app).await;
    assert!(page.contains("<title>Private service stops at TCP"), "{page}");
    let verdict = part(&page, "class=\"card verdict tight\" data-is=\"bad\"", "</div>");
    assert!(verdict.contains("Private service stops at TCP"), "{verdict}");
    let check = part(&page, "aria-labelledby=\"to-1\"", "</article>");
    // The fault is the first to be seen, and nothing of it is folded.
    let open = check.split("<details").next().unwrap();
    for shown in
        ["Failed at TCP", "failed, ", "Connection refused", "Check the port, and that the process runs", "refused</a>"]
    {
        assert!(open.contains(shown), "{shown}: {open}");
    }
    assert!(check.contains("data-is=\"skip\"") && check.contains(">HTTP</b> <small>skipped"), "{check}");
    let database = part(&page, "aria-labelledby=\"to-0\"", "</article>");
    assert!(database.contains("hops, all ok") && !database.contains("data-is=\"bad\""), "{database}");
    assert!(page.find("to-1").unwrap() < page.find("to-0").unwrap(), "the worst is first");
}

#[tokio::test]
async fn redacted_it_names_each_fault_once_and_what_to_send_to_see_more() {
    let env = [
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none"),
        ("ECSPRIVATESERVICE", "http://127.0.0.1:1"),
        ("ADMIN_TOKEN", TOKEN),
    ];
    let app = App::spawn(&env).await;
    let page = page(&app).await;
    assert_eq!(page.matches("Failed at TCP").count(), 2, "{page}");
    assert!(page.contains("2 of 2 dependencies fail<") && !page.contains("stops at"), "{page}");
    assert_eq!(page.matches("Authorization: Bearer $ADMIN_TOKEN").count(), 1, "{page}");
    for secret in ["127.0.0.1:1", "refused", "Check the port"] {
        assert!(!page.contains(secret), "{secret}: {page}");
    }
}

#[tokio::test]
async fn the_page_shows_that_all_is_well() {
    let database = healthy_database().await;
    let app = App::ready(&[("DATABASE_URL", database.url())]).await;
    let page = page(&app).await;
    let verdict = part(&page, "class=\"card verdict tight\" data-is=\"ok\"", "</div>");
    assert!(verdict.contains("The one dependency works"), "{verdict}");
}
