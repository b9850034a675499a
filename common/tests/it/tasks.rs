//! Background tasks: one that ends early ends the process, and those that serve requests outlive the handlers.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::web::{self, Data};
use causeway_common::config::Vars;
use causeway_common::http::server::{self, ServerConfig};
use causeway_common::tasks::Tasks;
use causeway_common::telemetry::chain;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

fn config(workers: &str) -> ServerConfig {
    let env = BTreeMap::from([("WORKERS", workers), ("SHUTDOWN_DELAY_MS", "0"), ("PORT", "0")]);
    ServerConfig::load(&mut Vars::new(&env))
}

/// Runs a server with these tasks, which nobody tells to stop.
async fn run_with(workers: &str, tasks: Tasks) -> io::Result<()> {
    let config = config(workers);
    server::run(config.bind()?, &config, std::future::pending(), tasks, |_| {}).await
}

#[actix_web::test]
async fn a_task_that_ends_or_panics_ends_the_server_with_an_error_that_names_it() {
    for workers in ["1", "2"] {
        let mut tasks = Tasks::default();
        tasks.serve("patient", std::future::pending());
        tasks.spawn("watcher", async {});
        let error = run_with(workers, tasks).await.unwrap_err();
        assert_eq!(error.to_string(), "the task \"watcher\" ended unexpectedly");

        let mut tasks = Tasks::default();
        tasks.spawn("patient", std::future::pending());
        tasks.serve("reader", async { panic!("as a bug would") });
        let error = run_with(workers, tasks).await.unwrap_err();
        assert_eq!(error.to_string(), "the task \"reader\" ended unexpectedly");
        let panic = chain(error.get_ref().unwrap());
        assert!(panic.contains("as a bug would"), "{panic}");
    }
}

#[actix_web::test]
async fn a_task_that_serves_requests_runs_on_the_lone_workers_thread_else_on_main() {
    for workers in ["1", "2"] {
        let mut tasks = Tasks::default();
        let place = tasks.place();
        let (send, place_of_task) = oneshot::channel();
        tasks.serve("recorder", async move {
            let runtime = place.runtime();
            // The task that is spawned there runs on the same thread, because each of these runtimes has one.
            let thread = runtime.spawn(async { std::thread::current().id() }).await.unwrap();
            send.send((std::thread::current().id(), thread)).unwrap();
            std::future::pending::<()>().await;
        });
        let config = config(workers);
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            stopped.await.unwrap();
            "the test"
        };
        let (threads, ended) = tokio::join!(
            async {
                let threads = place_of_task.await.unwrap();
                stop.send(()).unwrap();
                threads
            },
            server::run(config.bind().unwrap(), &config, shutdown, tasks, |_| {}),
        );
        ended.unwrap();
        assert_eq!(threads.0, threads.1);
        assert_eq!(threads.0 == std::thread::current().id(), workers == "2", "{workers} workers");
    }
}

#[actix_web::test]
async fn at_the_end_a_task_that_serves_requests_finishes_what_handlers_gave_it() {
    let (queue, mut received) = mpsc::unbounded_channel::<()>();
    let done = Arc::new(AtomicUsize::new(0));
    let mut tasks = Tasks::default();
    let counter = done.clone();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    tasks.serve("recorder", async move {
        may_go_on.await.unwrap();
        while received.recv().await.is_some() {
            tokio::task::yield_now().await;
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let config = config("2");
    let listener = config.bind().unwrap();
    let address = listener.local_addr().unwrap();
    let queue = Data::new(queue);
    let requests = async {
        for _ in 0..3 {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
        // Nothing was done so far.
        go_on.send(()).unwrap();
        "the test"
    };
    let run = server::run(listener, &config, requests, tasks, move |routes| {
        let submit = async |queue: Data<mpsc::UnboundedSender<()>>| queue.send(()).map_or("closed", |()| "taken");
        routes.app_data(queue.clone()).route("/", web::get().to(submit));
    });
    run.await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 3);
}
