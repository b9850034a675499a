//! A collector that is not ours takes the spans: rotel, which `make rotel` installs. Without it the test counts as not run.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use causeway_testing::not_run;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::helpers::{PATIENCE, client, eventually, spawn_without_database};
use crate::xray::traced;

const TRACE: &str = "67891233abcdef012345678912345678";

/// Where `make rotel` puts it, or one on the PATH.
fn rotel() -> Option<PathBuf> {
    let target = PathBuf::from(env!("CARGO_BIN_EXE_frontend-api")).parent()?.parent()?.to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = target.join("rotel/rotel/rotel-agent");
    let all = [installed].into_iter().chain(std::env::split_paths(&path).map(|folder| folder.join("rotel-agent")));
    all.into_iter().find(|program| program.is_file())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_foreign_collector_takes_the_spans_as_they_are() {
    let Some(program) = rotel() else {
        not_run::note("rotel is not installed (make rotel)");
        return;
    };
    let (grpc, http) = (free_port(), free_port());
    let mut rotel = Command::new(program)
        .args(["start", "--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed"])
        // Both, or it takes a fixed port for the other one.
        .args([format!("--otlp-grpc-endpoint=127.0.0.1:{grpc}"), format!("--otlp-http-endpoint=127.0.0.1:{http}")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let listens = async || TcpStream::connect(("127.0.0.1", grpc)).await.ok().map(drop);
    eventually("rotel listens", listens).await;
    let url = format!("http://127.0.0.1:{grpc}");
    let mut app = spawn_without_database(&traced(&url)).await;
    let header = ("traceparent", format!("00-{TRACE}-463ac35c9f6413ad-01"));
    client().get(app.url("/problems/not-found")).header(header.0, header.1).send().await.unwrap();
    assert!(app.service.stop().await.success());

    let mut lines = BufReader::new(rotel.stdout.take().unwrap()).lines();
    let mut missing =
        vec![TRACE, "463ac35c9f6413ad", "GET /problems/{slug}", "http.route", "service.name", "frontend-api"];
    let mut text = String::new();
    let read = async {
        while !missing.is_empty() {
            let line = lines.next_line().await.unwrap().expect("rotel runs");
            missing.retain(|word| !line.contains(word));
            text += &line;
        }
    };
    let all = timeout(PATIENCE, read).await;
    assert!(all.is_ok(), "{missing:?} is not in what rotel has taken: {text}");
}
