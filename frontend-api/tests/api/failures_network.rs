//! The way to the database cut, silent or closed.

use causeway_testing::postgres::TestDatabase;
use causeway_testing::proxy::TcpProxy;
use reqwest::StatusCode;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::helpers::{App, unavailable};
use causeway_testing::load::Load;

const CLIENTS: usize = 8;
const REGISTERED_OR_NOT: [StatusCode; 2] = [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE];

/// A service that reaches its database through the proxy.
pub async fn spawn(env: &[(&str, &str)]) -> (App, TcpProxy, TestDatabase) {
    let database = TestDatabase::create().await;
    let config: Config = database.url().parse().unwrap();
    let Host::Tcp(host) = &config.get_hosts()[0] else { panic!("the tests' server is reached by TCP") };
    let proxy = TcpProxy::start(format!("{host}:{}", config.get_ports().first().unwrap_or(&5432))).await;
    let mut url = url::Url::parse(database.url()).unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.address().port())).unwrap();
    let app = App::spawn(&[&[("DATABASE_URL", url.as_str())], env].concat()).await;
    app.until_ready().await;
    (app, proxy, database)
}

#[tokio::test]
async fn connections_cut_under_load_lose_nothing_that_was_registered() {
    let (app, proxy, database) = spawn(&[]).await;
    let mut load = Load::start(&app.url("/"), CLIENTS);
    for _ in 0..10 {
        load.until_registered(40).await;
        proxy.cut();
    }
    load.until_registered(40).await;
    let outcome = load.finish().await;
    outcome.assert_only(&REGISTERED_OR_NOT);
    outcome.assert_kept(&database.client().await).await;
    let most = outcome.most_failures_of_a_client();
    assert!(most <= 2 * 10, "a client failed {most} times");
}

#[tokio::test]
async fn a_database_that_refuses_connections_is_used_again_when_it_takes_them() {
    let (app, proxy, database) = spawn(&[]).await;
    let mut load = Load::start(&app.url("/"), CLIENTS);
    load.until_registered(40).await;
    proxy.refuse().await;
    load.until_failed(40).await;
    app.until_ready_is(StatusCode::SERVICE_UNAVAILABLE).await;
    proxy.heal().await;
    load.until_registered(40).await;
    let outcome = load.finish().await;
    outcome.assert_only(&REGISTERED_OR_NOT);
    outcome.assert_kept(&database.client().await).await;
}

/// Limits that a silent network soon runs into, and that a busy machine does not: PostgreSQL forks for each connection.
const IMPATIENT: [(&str, &str); 3] =
    [("DB_CONNECT_TIMEOUT_MS", "5000"), ("DB_QUERY_TIMEOUT_MS", "5000"), ("REQUEST_TIMEOUT_MS", "6000")];

#[tokio::test]
async fn a_silent_network_ends_every_wait_and_what_was_registered_is_kept() {
    let (app, proxy, database) = spawn(&IMPATIENT).await;
    let mut load = Load::start(&app.url("/"), CLIENTS);
    load.until_registered(40).await;
    proxy.silence();
    load.until_failed(2 * CLIENTS).await;
    app.until_ready_is(StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(app.health().await.status(), StatusCode::OK);
    proxy.heal().await;
    load.until_registered(40).await;
    let outcome = load.finish().await;
    outcome.assert_only(&REGISTERED_OR_NOT);
    outcome.assert_kept(&database.client().await).await;
}

#[tokio::test]
async fn a_reader_meets_a_silent_network_like_a_writer() {
    let (app, proxy, _database) = spawn(&IMPATIENT).await;
    app.registered("before").await;
    app.recent_visits().await;
    proxy.silence();
    assert_eq!(app.get("/recent-visits").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    app.until_it_notices().await;
    unavailable(app.get("/recent-visits").await, "database-unavailable").await;
    proxy.heal().await;
    app.until_ready().await;
    assert!(!app.recent_visits().await.is_empty());
}
