//! Several replicas behind one name, as Cloud Map gives it: spread over, and none that fails is noticed outside.
//!
//! The name comes from a hosts file of the service's own, which takes Linux's `unshare`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use causeway_testing::ports;
use reqwest::StatusCode;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::helpers::{App, BINARY, NO_DATABASE, PATIENCE, eventually, problem, unavailable};

const FIRST: &str = "127.0.0.1";
const SECOND: &str = "127.0.0.2";
const WITH_HOSTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/with-hosts");

/// The file that tells the service the addresses of `private.test`.
struct Hosts(PathBuf);

impl Hosts {
    fn write(&self, addresses: &[&str]) {
        let lines = addresses.iter().map(|address| (*address).to_owned() + " private.test\n").collect::<String>();
        // In place: the service sees this very file.
        std::fs::write(&self.0, lines).unwrap();
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

struct Replicas {
    app: App,
    port: u16,
    hosts: Hosts,
}

/// A service that knows these addresses; nobody is there yet. `None` where no service can have hosts of its own.
async fn spawn(addresses: &[&str]) -> Option<Replicas> {
    spawn_with(addresses, &[]).await
}

/// The same with further variables.
#[expect(clippy::print_stdout, reason = "a test that tests nothing says so")]
async fn spawn_with(addresses: &[&str], more: &[(&str, &str)]) -> Option<Replicas> {
    let port = ports::free().unwrap();
    let hosts = Hosts(std::env::temp_dir().join(format!("causeway-hosts-{}-{port}", std::process::id())));
    hosts.write(addresses);
    let path = hosts.0.display().to_string();
    let check = [("HOSTS", path.as_str()), ("PROGRAM", "/bin/true")];
    let output = causeway_testing::service::run(WITH_HOSTS, &[], check).await;
    if !output.status.success() {
        println!("not tested, as there is no usable `unshare`: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let url = format!("http://private.test:{port}");
    let env = [
        ("DATABASE_URL", NO_DATABASE),
        ("ECSPRIVATESERVICE", &url),
        ("PRIVATE_SERVICE_TIMEOUT_MS", "4000"),
        ("HOSTS", &path),
        ("PROGRAM", BINARY),
    ];
    let app = App::spawn_program(Path::new(WITH_HOSTS), &[&env[..], more].concat()).await;
    app.until_examined().await;
    Some(Replicas { app, port, hosts })
}

impl Replicas {
    /// A replica at this address that answers so.
    async fn replica(&self, address: &str, answer: ResponseTemplate) -> MockServer {
        let listener = TcpListener::bind((address, self.port)).unwrap();
        let server = MockServer::builder().listener(listener).start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        server
    }

    /// Asks ten times, and each time successfully.
    async fn assert_answered(&self) {
        for _ in 0..10 {
            let response = self.app.private_service().await;
            assert_eq!(response.status(), StatusCode::OK, "{:?}", self.app.service.logs());
        }
    }
}

fn identity() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(
        json!({"TaskArn": null, "Cluster": null, "LaunchType": null, "ServiceName": null, "IpAddress": null}),
    )
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn requests_are_spread_over_all_replicas() {
    let Some(replicas) = spawn(&[FIRST, SECOND]).await else { return };
    let first = replicas.replica(FIRST, identity()).await;
    let second = replicas.replica(SECOND, identity()).await;
    replicas.assert_answered().await;
    assert_eq!((requests(&first).await, requests(&second).await), (5, 5));
}

#[tokio::test]
async fn a_replica_that_is_gone_costs_no_request() {
    let Some(replicas) = spawn(&[FIRST, SECOND]).await else { return };
    let _second = replicas.replica(SECOND, identity()).await;
    replicas.assert_answered().await;
}

#[tokio::test]
async fn a_replica_that_fails_costs_no_request() {
    let Some(replicas) = spawn(&[FIRST, SECOND]).await else { return };
    let _first = replicas.replica(FIRST, ResponseTemplate::new(500)).await;
    let _second = replicas.replica(SECOND, identity()).await;
    replicas.assert_answered().await;
}

#[tokio::test]
async fn a_silent_replica_costs_no_request_and_is_left_alone_for_a_while() {
    let Some(replicas) = spawn(&[FIRST, SECOND]).await else { return };
    let silent = tokio::net::TcpListener::bind((FIRST, replicas.port)).await.unwrap();
    let tried = Arc::new(AtomicUsize::new(0));
    let counter = tried.clone();
    tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = silent.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            connections.push(connection);
        }
    });
    let _second = replicas.replica(SECOND, identity()).await;
    replicas.assert_answered().await;
    let tried = tried.load(Ordering::Relaxed);
    assert!((1..=3).contains(&tried), "tried {tried} times");
}

#[tokio::test]
async fn when_all_replicas_are_gone_it_is_a_502_until_one_is_back() {
    let Some(replicas) = spawn(&[FIRST, SECOND]).await else { return };
    let answer = replicas.app.private_service().await;
    problem(answer, StatusCode::BAD_GATEWAY, "private-service-unreachable").await;
    let _second = replicas.replica(SECOND, identity()).await;
    replicas.assert_answered().await;
}

#[tokio::test]
async fn a_replica_that_moves_to_another_address_is_found_there() {
    let Some(replicas) = spawn(&[FIRST]).await else { return };
    let first = replicas.replica(FIRST, identity()).await;
    replicas.assert_answered().await;
    drop(first);
    let _second = replicas.replica(SECOND, identity()).await;
    replicas.hosts.write(&[SECOND]);
    eventually("the new address is asked", async || {
        (replicas.app.private_service().await.status() == StatusCode::OK).then_some(())
    })
    .await;
    replicas.assert_answered().await;
}

#[tokio::test]
async fn a_lone_replica_may_use_the_whole_deadline() {
    let Some(replicas) = spawn_with(&[FIRST], &[("PRIVATE_SERVICE_TIMEOUT_MS", "6000")]).await else { return };
    let _slow = replicas.replica(FIRST, identity().set_delay(Duration::from_secs(4))).await;
    let response = replicas.app.private_service().await;
    assert_eq!(response.status(), StatusCode::OK, "{:?}", replicas.app.service.logs());
}

#[tokio::test]
async fn the_last_replica_may_use_all_that_is_left_of_the_deadline() {
    let more = [("PRIVATE_SERVICE_TIMEOUT_MS", "10000")];
    let Some(replicas) = spawn_with(&[FIRST, SECOND], &more).await else { return };
    let _silent = replicas.replica(FIRST, identity().set_delay(Duration::from_secs(60))).await;
    let _slow = replicas.replica(SECOND, identity().set_delay(Duration::from_millis(3500))).await;
    // One of the two requests begins with the silent replica, and leaves half of the deadline to the other one.
    for _ in 0..2 {
        let response = replicas.app.private_service().await;
        assert_eq!(response.status(), StatusCode::OK, "{:?}", replicas.app.service.logs());
    }
}

/// A resolver that never answers makes each look-up last as long as the service lets it. The deadline of a request is
/// shorter, so that a request that waited for a look-up would fail.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "a test that tests nothing says so")]
async fn no_request_waits_for_the_resolver_while_an_address_is_known() {
    let Ok(_silent) = std::net::UdpSocket::bind(("127.0.0.77", 53)) else {
        println!("not tested: port 53 of 127.0.0.77 can't be opened");
        return;
    };
    let resolv = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(resolv.path(), "nameserver 127.0.0.77\n").unwrap();
    let more = [("PRIVATE_SERVICE_TIMEOUT_MS", "900"), ("RESOLV", resolv.path().to_str().unwrap())];
    let Some(replicas) = spawn_with(&[FIRST], &more).await else { return };
    let _first = replicas.replica(FIRST, identity()).await;
    replicas.assert_answered().await;
    // The name is no longer in the file: the resolver is asked.
    replicas.hosts.write(&[]);
    let failed = |line: &Value| line["message"] == "the private service's name can't be resolved";
    eventually("a look-up fails", async || {
        replicas.assert_answered().await;
        replicas.app.service.logs().iter().any(failed).then_some(())
    })
    .await;
    replicas.assert_answered().await;
}

#[tokio::test]
async fn a_failing_replica_is_logged_once_until_it_answers_again() {
    let Some(replicas) = spawn(&[FIRST]).await else { return };
    let failing = replicas.replica(FIRST, ResponseTemplate::new(500)).await;
    for _ in 0..5 {
        assert_eq!(replicas.app.private_service().await.status(), StatusCode::BAD_GATEWAY);
    }
    failing.reset().await;
    Mock::given(any()).respond_with(identity()).mount(&failing).await;
    replicas.assert_answered().await;
    let again = |line: &Value| line["message"] == "a replica of the private service answers again";
    replicas.app.service.wait_for_log(again, PATIENCE).await;
    let logs = replicas.app.service.logs();
    let count = |message: &str| logs.iter().filter(|line| line["message"] == message).count();
    assert_eq!(count("a replica of the private service failed"), 1, "{logs:?}");
    assert_eq!(count("a replica of the private service answers again"), 1, "{logs:?}");
}

#[tokio::test]
async fn requests_beyond_the_limit_are_refused_and_open_no_connection() {
    let listener = tokio::net::TcpListener::bind((FIRST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let env = [("ECSPRIVATESERVICE", url.as_str()), ("PRIVATE_SERVICE_CONCURRENCY", "2")];
    let app = crate::helpers::spawn_without_database(&env).await;
    app.until_examined().await;
    // What the doctor sent.
    while tokio::time::timeout(Duration::ZERO, listener.accept()).await.is_ok() {}
    let address = app.url("/ecs-private-service");
    let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(crate::helpers::client().get(&address).send())).collect();
    let mut connections = Vec::new();
    for _ in &waiting {
        connections.push(tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap());
    }
    for _ in 0..20 {
        unavailable(app.private_service().await, "private-service-busy").await;
    }
    let another = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(another.is_err(), "a connection was opened");
    assert_eq!(app.health().await.status(), StatusCode::OK);

    drop(connections);
    for request in waiting {
        assert_eq!(request.await.unwrap().unwrap().status(), StatusCode::BAD_GATEWAY);
    }
    drop(listener);
    problem(app.private_service().await, StatusCode::BAD_GATEWAY, "private-service-unreachable").await;
}

#[tokio::test]
async fn a_name_that_can_t_be_resolved_is_logged_once_until_it_can() {
    let Some(mut replicas) = spawn(&[]).await else { return };
    for _ in 0..3 {
        assert_eq!(replicas.app.private_service().await.status(), StatusCode::BAD_GATEWAY);
    }
    let _first = replicas.replica(FIRST, identity()).await;
    replicas.hosts.write(&[FIRST]);
    eventually("the name is resolved", async || {
        (replicas.app.private_service().await.status() == StatusCode::OK).then_some(())
    })
    .await;
    let again = |line: &Value| line["message"] == "the private service's name can be resolved again";
    replicas.app.service.wait_for_log(again, PATIENCE).await;
    // It is resolved once more, as the other address shows, and that is no news.
    let second = replicas.replica(SECOND, identity()).await;
    replicas.hosts.write(&[SECOND]);
    eventually("the new address is asked", async || {
        replicas.app.private_service().await;
        (requests(&second).await > 0).then_some(())
    })
    .await;
    // It writes what is left of the log.
    assert!(replicas.app.service.stop().await.success());
    let logs = replicas.app.service.logs();
    let count = |message: &str| logs.iter().filter(|line| line["message"] == message).count();
    assert_eq!(count("the private service's name can't be resolved"), 1, "{logs:?}");
    assert_eq!(count("the private service's name can be resolved again"), 1, "{logs:?}");
}
