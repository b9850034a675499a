//! Several replicas behind one name, as Cloud Map gives it: spread over, and none that fails is noticed outside.
//!
//! The name comes from a hosts file of the service's own, which takes Linux's `unshare`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use causeway_testing::ports;
use reqwest::StatusCode;
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::helpers::{App, BINARY, NO_DATABASE, eventually, problem};

const FIRST: &str = "127.0.0.1";
const SECOND: &str = "127.0.0.2";
const WITH_HOSTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/with-hosts");

/// The file that tells the service the addresses of `private.test`.
struct Hosts(PathBuf);

impl Hosts {
    fn write(&self, addresses: &[&str]) {
        let lines = addresses.join(" private.test\n") + " private.test\n";
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
#[expect(clippy::print_stdout, reason = "a test that tests nothing says so")]
async fn spawn(addresses: &[&str]) -> Option<Replicas> {
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
    let app = App::spawn_program(Path::new(WITH_HOSTS), &env).await;
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
