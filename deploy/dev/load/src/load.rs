//! A constant load: a fixed number of requests a second, whatever their outcome, each with a different `User-Agent`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::client::{Answer, Connection};
use crate::clock;

/// Longer than any deadline of the service: what takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(12);
/// Each request in flight has a connection. More requests wait for one, and this wait is part of what they take.
const MOST_IN_FLIGHT: usize = 8192;

/// What became of one request.
pub struct Outcome {
    /// Its `User-Agent`.
    pub agent: String,
    /// When it was due. The load may have been too busy to send it in time.
    pub started: Instant,
    /// Since then.
    pub took: Duration,
    /// The answer, or how there was none.
    pub result: Result<Answer, String>,
}

impl Outcome {
    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.result.as_ref().ok().map(|answer| answer.status)
    }

    /// True if it was answered with 200.
    pub fn is_ok(&self) -> bool {
        self.status() == Some(200)
    }
}

/// A running load.
pub struct Load {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    path: String,
    name: &'static str,
    targets: Mutex<Vec<SocketAddr>>,
    idle: Mutex<HashMap<SocketAddr, Vec<Connection>>>,
    outcomes: Mutex<Vec<Outcome>>,
    running: Mutex<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    /// `name` begins the `User-Agent` of every request.
    pub fn start(name: &'static str, target: SocketAddr, path: &str, per_second: u32) -> Self {
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            name,
            targets: Mutex::new(vec![target]),
            idle: Mutex::default(),
            outcomes: Mutex::default(),
            running: Mutex::new(true),
        });
        let task = tokio::spawn(drive(shared.clone(), clock::start(per_second)));
        Self { shared, task }
    }

    /// Where the next requests go, in turn: what a load balancer decides.
    pub fn aim(&self, targets: Vec<SocketAddr>) {
        *lock(&self.shared.targets) = targets;
    }

    /// Ends the load, waits for what is still open, and returns the outcomes in the order in which the requests were due.
    pub async fn stop(self) -> Vec<Outcome> {
        *lock(&self.shared.running) = false;
        let _ = self.task.await;
        let mut outcomes = std::mem::take(&mut *lock(&self.shared.outcomes));
        outcomes.sort_by_key(|outcome| outcome.started);
        outcomes
    }
}

async fn drive(shared: Arc<Shared>, mut moments: UnboundedReceiver<Instant>) {
    let in_flight = Arc::new(Semaphore::new(MOST_IN_FLIGHT));
    let mut requests = JoinSet::new();
    for number in 0.. {
        let Some(due) = moments.recv().await else { break };
        if !*lock(&shared.running) {
            break;
        }
        while requests.try_join_next().is_some() {}
        let Ok(place) = in_flight.clone().acquire_owned().await else { break };
        let shared = shared.clone();
        requests.spawn(async move {
            request(&shared, number, due).await;
            drop(place);
        });
    }
    requests.join_all().await;
}

async fn request(shared: &Shared, number: usize, due: Instant) {
    let agent = format!("{}-{number}", shared.name);
    let target = {
        let targets = lock(&shared.targets);
        targets[number % targets.len()]
    };
    let result = timeout(PATIENCE, ask(shared, target, &agent)).await;
    let result = result.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
    lock(&shared.outcomes).push(Outcome { agent, started: due, took: due.elapsed(), result });
}

async fn ask(shared: &Shared, target: SocketAddr, agent: &str) -> Result<Answer, String> {
    let kept = loop {
        let kept = lock(&shared.idle).entry(target).or_default().pop();
        match kept {
            Some(connection) if connection.was_closed() => {}
            kept => break kept,
        }
    };
    let mut connection = match kept {
        Some(connection) => connection,
        None => Connection::open(target).await?,
    };
    let answer = connection.get(&shared.path, agent).await?;
    if answer.keeps_open {
        lock(&shared.idle).entry(target).or_default().push(connection);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// Answers only after so many clients have sent something.
    async fn late_server(clients: usize, listener: TcpListener) -> Vec<TcpStream> {
        let mut connections = Vec::new();
        while connections.len() < clients {
            let (mut connection, _) = listener.accept().await.unwrap();
            assert!(connection.read(&mut [0; 1024]).await.unwrap() > 0);
            connections.push(connection);
        }
        for connection in &mut connections {
            connection.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
        connections
    }

    #[tokio::test]
    async fn requests_do_not_wait_for_answers_and_are_counted_from_when_they_were_due() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let load = Load::start("test", listener.local_addr().unwrap(), "/", 1000);
        let connections = late_server(50, listener).await;
        let outcomes = load.stop().await;
        drop(connections);
        let answered = &outcomes[..50];
        assert!(answered.iter().all(Outcome::is_ok));
        assert_eq!(answered[49].started - answered[0].started, Duration::from_millis(49));
        assert!(answered[0].took >= Duration::from_millis(49), "{:?}", answered[0].took);
    }
}
