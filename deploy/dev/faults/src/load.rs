//! A constant load: a fixed number of requests a second, whatever their outcome, each with a different `User-Agent`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::client::{Answer, Connection};

/// Longer than any deadline of the service: what takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(12);

/// What became of one request.
pub struct Outcome {
    pub agent: String,
    pub started: Instant,
    pub took: Duration,
    /// The answer, or how there was none.
    pub result: Result<Answer, String>,
}

impl Outcome {
    pub fn status(&self) -> Option<u16> {
        self.result.as_ref().ok().map(|answer| answer.status)
    }

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
    path: &'static str,
    name: &'static str,
    targets: Mutex<Vec<SocketAddr>>,
    idle: Mutex<HashMap<SocketAddr, Vec<Connection>>>,
    outcomes: Mutex<Vec<Outcome>>,
    running: Mutex<bool>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    /// `name` begins the `User-Agent` of every request.
    pub fn start(name: &'static str, target: SocketAddr, path: &'static str, per_second: u32) -> Self {
        let shared = Arc::new(Shared {
            path,
            name,
            targets: Mutex::new(vec![target]),
            idle: Mutex::default(),
            outcomes: Mutex::default(),
            running: Mutex::new(true),
        });
        let task = tokio::spawn(drive(shared.clone(), per_second));
        Self { shared, task }
    }

    /// Where the next requests go, in turn: what a load balancer decides.
    pub fn aim(&self, targets: Vec<SocketAddr>) {
        *lock(&self.shared.targets) = targets;
    }

    /// Ends the load and waits for what is still open.
    pub async fn stop(self) -> Vec<Outcome> {
        *lock(&self.shared.running) = false;
        let _ = self.task.await;
        let mut outcomes = std::mem::take(&mut *lock(&self.shared.outcomes));
        outcomes.sort_by_key(|outcome| outcome.started);
        outcomes
    }
}

async fn drive(shared: Arc<Shared>, per_second: u32) {
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut requests = JoinSet::new();
    for number in 0_usize.. {
        ticks.tick().await;
        if !*lock(&shared.running) {
            break;
        }
        while requests.try_join_next().is_some() {}
        requests.spawn(request(shared.clone(), number));
    }
    requests.join_all().await;
}

async fn request(shared: Arc<Shared>, number: usize) {
    let agent = format!("{}-{number}", shared.name);
    let target = {
        let targets = lock(&shared.targets);
        targets[number % targets.len()]
    };
    let started = Instant::now();
    let result = timeout(PATIENCE, ask(&shared, target, &agent)).await;
    let result = result.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
    lock(&shared.outcomes).push(Outcome { agent, started, took: started.elapsed(), result });
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
    let answer = connection.get(shared.path, agent).await?;
    if answer.keeps_open {
        lock(&shared.idle).entry(target).or_default().push(connection);
    }
    Ok(answer)
}
