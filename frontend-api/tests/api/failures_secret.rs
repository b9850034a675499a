//! The database's secret: unreadable, unusable, rotated.

use causeway_testing::postgres::OwnPostgres;
use reqwest::StatusCode;

use crate::aws::{SecretsManager, on_app_runner, secret_of};
use crate::helpers::{App, eventually, unavailable};
use causeway_testing::load::Load;

const CLIENTS: usize = 8;
const ROLE: &str = "app";

/// A server with a role whose password is `first`, and Secrets Manager, which does not tell it yet.
async fn server() -> (OwnPostgres, SecretsManager) {
    let postgres = OwnPostgres::start().await;
    postgres.execute(&format!("CREATE ROLE {ROLE} LOGIN SUPERUSER PASSWORD 'first'")).await;
    (postgres, SecretsManager::start().await)
}

/// A service that has read the secret and is ready.
async fn spawn(env: &[(&str, &str)]) -> (App, OwnPostgres, SecretsManager) {
    let (postgres, aws) = server().await;
    aws.tells(&secret_of(&postgres, ROLE, "first"));
    let url = aws.url();
    let app = App::spawn(&[&on_app_runner(&url)[..], env].concat()).await;
    app.until_ready().await;
    app.until_examined().await;
    (app, postgres, aws)
}

/// As Secrets Manager's rotation does it, the new version told first: the service asks for it only when it is refused.
async fn rotate(postgres: &OwnPostgres, aws: &SecretsManager, password: &str) {
    aws.tells(&secret_of(postgres, ROLE, password));
    postgres.execute(&format!("ALTER ROLE {ROLE} PASSWORD '{password}'")).await;
}

/// Changes the password, tells nobody, and waits until the service has noticed. A session that was logging in meanwhile is
/// listed only later, so sessions are ended until none is of use.
async fn change_untold(app: &App, postgres: &OwnPostgres) {
    postgres.execute(&format!("ALTER ROLE {ROLE} PASSWORD 'second'")).await;
    eventually("the service is not ready", async || {
        postgres.terminate_backends().await;
        app.register("to make it notice").await;
        (app.ready().await.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_can_t_be_read_at_start_is_read_when_it_can() {
    let (postgres, aws) = server().await;
    aws.denies();
    let app = App::spawn(&on_app_runner(&aws.url())).await;
    let cause = app.database_problem().await;
    assert!(cause.contains("AccessDeniedException") && cause.contains("demo/database"), "{cause}");
    unavailable(app.ready().await, "database-unavailable").await;
    unavailable(app.register("curl").await, "database-unavailable").await;
    assert_eq!(app.health().await.status(), StatusCode::OK);

    aws.tells(&secret_of(&postgres, ROLE, "first"));
    app.until_ready().await;
    app.registered("curl").await;
}

#[tokio::test]
async fn a_secret_that_can_t_be_used_says_what_is_wrong_and_is_read_again() {
    for wrong in [r#"{"username":"app","host":"127.0.0.1"}"#, "rubbish", r#"{"username":"app","password":"first"}"#] {
        let (postgres, aws) = server().await;
        aws.tells(wrong);
        let app = App::spawn(&on_app_runner(&aws.url())).await;
        let cause = app.database_problem().await;
        assert!(cause.contains("can't be used") && !cause.contains("first"), "{cause}");
        aws.tells(&secret_of(&postgres, ROLE, "first"));
        app.until_ready().await;
    }
}

#[tokio::test]
async fn a_secrets_manager_that_fails_or_talks_rubbish_is_waited_for() {
    let (postgres, aws) = server().await;
    for (status, body) in [(500, ""), (200, "rubbish")] {
        aws.answers(status, body);
        let app = App::spawn(&on_app_runner(&aws.url())).await;
        assert!(app.database_problem().await.contains("can't be read"));
        aws.tells(&secret_of(&postgres, ROLE, "first"));
        app.until_ready().await;
    }
}

#[tokio::test]
async fn the_secret_is_read_once_and_not_for_every_connection() {
    let (app, postgres, aws) = spawn(&[]).await;
    let reads = aws.reads();
    for _ in 0..3 {
        app.registered("curl").await;
        app.recent_visits().await;
        postgres.terminate_backends().await;
        app.register("finds the connection closed, perhaps").await;
    }
    assert_eq!(aws.reads(), reads);
}

#[tokio::test]
async fn a_rotation_under_load_fails_no_request() {
    // Connections live for a moment only, so that new ones are made all the time.
    let (app, postgres, aws) = spawn(&[("DB_MAX_LIFETIME_MS", "20")]).await;
    let mut load = Load::start(&app.url("/"), CLIENTS);
    let reads = aws.reads();
    for (password, more) in [("second", 1), ("third", 2)] {
        load.until_registered(100).await;
        rotate(&postgres, &aws, password).await;
        eventually("the new version is read", async || (aws.reads() == reads + more).then_some(())).await;
    }
    load.until_registered(100).await;
    let outcome = load.finish().await;
    outcome.assert_only(&[StatusCode::OK]);
    outcome.assert_kept(&postgres.client().await).await;
    assert_eq!(aws.reads(), reads + 2, "the secret is read when the old one is refused, once");
}

#[tokio::test]
async fn a_rotation_that_ends_all_sessions_fails_no_more_than_what_was_under_way() {
    let (app, postgres, aws) = spawn(&[]).await;
    let mut load = Load::start(&app.url("/"), CLIENTS);
    load.until_registered(100).await;
    rotate(&postgres, &aws, "second").await;
    postgres.terminate_backends().await;
    load.until_registered(200).await;
    let outcome = load.finish().await;
    outcome.assert_only(&[StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE]);
    outcome.assert_kept(&postgres.client().await).await;
    let most = outcome.most_failures_of_a_client();
    assert!(most <= 2, "a client failed {most} times");
}

/// A rotation between two users. The server refuses the first one with 28000 instead of 28P01, whatever its password.
#[tokio::test]
async fn a_user_that_may_no_longer_log_in_is_replaced_by_the_one_of_the_new_secret() {
    let (app, postgres, aws) = spawn(&[]).await;
    app.registered("before").await;
    postgres.execute("CREATE ROLE other LOGIN SUPERUSER PASSWORD 'second'").await;
    aws.tells(&secret_of(&postgres, "other", "second"));
    postgres.execute(&format!("ALTER ROLE {ROLE} NOLOGIN")).await;
    postgres.terminate_backends().await;
    eventually("the other user logs in", async || {
        (app.register("after").await.status() == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test]
async fn while_the_new_secret_is_late_the_service_waits_for_it() {
    let (app, postgres, aws) = spawn(&[("DB_SECRET_INTERVAL_MS", "100")]).await;
    app.registered("before").await;
    // With the old one it is no use; the service says so and stays alive.
    change_untold(&app, &postgres).await;
    assert_eq!(app.health().await.status(), StatusCode::OK);
    aws.tells(&secret_of(&postgres, ROLE, "second"));
    app.until_ready().await;
    app.registered("after").await;
}

#[tokio::test]
async fn a_secret_that_can_t_be_read_again_does_no_harm_while_the_old_one_works() {
    let (app, postgres, aws) = spawn(&[("DB_MAX_LIFETIME_MS", "200")]).await;
    aws.denies();
    let reads = aws.reads();
    let mut load = Load::start(&app.url("/"), CLIENTS);
    load.until_registered(300).await;
    let outcome = load.finish().await;
    outcome.assert_only(&[StatusCode::OK]);
    outcome.assert_kept(&postgres.client().await).await;
    assert_eq!(aws.reads(), reads);
}

#[tokio::test]
async fn a_secret_that_is_refused_is_read_again_after_half_a_minute_at_the_earliest() {
    let (app, postgres, aws) = spawn(&[]).await;
    app.registered("before").await;
    let reads = aws.reads();
    change_untold(&app, &postgres).await;
    // Each attempt of the supervisor finds the password refused.
    eventually("there are several attempts", async || {
        let attempts = app.service.logs().iter().filter(|line| line["message"] == "trying the database again").count();
        (attempts >= 4).then_some(())
    })
    .await;
    // The doctor reads for itself when the availability changes, at most twice so far: for its check and once more.
    let more = aws.reads() - reads;
    assert!(more <= 3, "{more} reads");
}
