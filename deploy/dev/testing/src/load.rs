//! Clients that ask without a pause, and remember each answer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONNECTION, USER_AGENT};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::app::{PATIENCE, client};

/// As a load balancer's health check would: a client that is refused waits a moment.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(5);

/// Running clients.
#[derive(Debug)]
pub struct Load {
    clients: JoinSet<Vec<Sent>>,
    stop: Arc<AtomicBool>,
    tally: watch::Receiver<Tally>,
}

/// How many requests were answered so far.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// Answers with 200.
    pub registered: usize,
    /// Other answers, and requests without one.
    pub failed: usize,
}

/// One request with a unique user agent.
#[derive(Debug)]
pub struct Sent {
    /// What it said of itself.
    pub user_agent: String,
    /// `None`: the connection was lost before an answer.
    pub status: Option<StatusCode>,
}

/// What became of all requests.
#[derive(Debug)]
pub struct Outcome {
    /// The requests of each client, in their order.
    pub clients: Vec<Vec<Sent>>,
}

impl Load {
    /// Starts so many clients, which all ask for `url`.
    pub fn start(url: &str, clients: usize) -> Self {
        let (sender, tally) = watch::channel(Tally::default());
        let sender = Arc::new(sender);
        let stop = Arc::new(AtomicBool::new(false));
        let run = |n| run(url.to_owned(), n, stop.clone(), sender.clone());
        Self { clients: (0..clients).map(run).collect(), stop, tally }
    }

    /// The tally so far.
    pub fn tally(&self) -> Tally {
        *self.tally.borrow()
    }

    /// Waits until so many more requests succeed, which registers as many visits if `url` is that of visits.
    pub async fn until_registered(&mut self, more: usize) {
        let goal = self.tally().registered + more;
        self.until("requests succeed", |tally| tally.registered >= goal).await;
    }

    /// Waits until so many more requests have failed.
    pub async fn until_failed(&mut self, more: usize) {
        let goal = self.tally().failed + more;
        self.until("requests fail", |tally| tally.failed >= goal).await;
    }

    async fn until(&mut self, what: &str, reached: impl Fn(&Tally) -> bool) {
        let waited = timeout(PATIENCE, self.tally.wait_for(reached)).await.map(|result| result.is_ok());
        assert_eq!(waited, Ok(true), "waited in vain until {what}: {:?}", self.tally());
    }

    /// Stops the clients, and waits for their last answers.
    pub async fn finish(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        self.join().await
    }

    /// Waits until all clients have ended by themselves, because the server closed their connections or is gone.
    pub async fn join(self) -> Outcome {
        Outcome { clients: self.clients.join_all().await }
    }
}

async fn run(url: String, number: usize, stop: Arc<AtomicBool>, tally: Arc<watch::Sender<Tally>>) -> Vec<Sent> {
    let client = client();
    let mut sent = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let user_agent = format!("client {number} request {}", sent.len());
        let answer = client.get(&url).header(USER_AGENT, &user_agent).send().await;
        let leave = answer
            .as_ref()
            .map_or_else(|_| true, |answer| answer.headers().get(CONNECTION).is_some_and(|value| value == "close"));
        let status = answer.ok().map(|answer| answer.status());
        let registered = status == Some(StatusCode::OK);
        sent.push(Sent { user_agent, status });
        tally.send_modify(|tally| if registered { tally.registered += 1 } else { tally.failed += 1 });
        if leave {
            break;
        }
        if !registered {
            tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
        }
    }
    sent
}

impl Outcome {
    /// Every request was answered, if only with a failure.
    pub fn assert_all_answered(&self) {
        let lost: Vec<_> = self.all().filter(|sent| sent.status.is_none()).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }

    /// Every request was answered by one of these.
    pub fn assert_only(&self, expected: &[StatusCode]) {
        self.assert_all_answered();
        let others: Vec<_> =
            self.all().filter(|sent| sent.status.is_none_or(|status| !expected.contains(&status))).collect();
        assert!(others.is_empty(), "{others:?}");
    }

    /// Every 200 is in the table once, and every row is of a request that was sent and is stored once.
    pub async fn assert_kept(&self, database: &Client) {
        let rows = database.query("SELECT user_agent FROM access", &[]).await.expect("the table can be read");
        let mut stored: HashMap<String, usize> = HashMap::new();
        for row in &rows {
            *stored.entry(row.get(0)).or_default() += 1;
        }
        let twice: Vec<_> = stored.iter().filter(|&(_, &count)| count > 1).collect();
        assert!(twice.is_empty(), "stored more than once: {twice:?}");
        let registered: Vec<_> = self.all().filter(|sent| sent.status == Some(StatusCode::OK)).collect();
        assert!(!registered.is_empty());
        let lost: Vec<_> = registered.iter().filter(|sent| !stored.contains_key(&sent.user_agent)).collect();
        assert!(lost.is_empty(), "{} of {} registered visits are lost: {lost:?}", lost.len(), registered.len());
        let sent: HashSet<_> = self.all().map(|sent| &sent.user_agent).collect();
        assert!(stored.keys().all(|user_agent| sent.contains(user_agent) || !user_agent.starts_with("client ")));
    }

    /// The largest number of failures that any one client saw.
    pub fn most_failures_of_a_client(&self) -> usize {
        let failures = |sent: &Vec<Sent>| sent.iter().filter(|sent| sent.status != Some(StatusCode::OK)).count();
        self.clients.iter().map(failures).max().unwrap_or_default()
    }

    /// Returns all requests.
    pub fn all(&self) -> impl Iterator<Item = &Sent> {
        self.clients.iter().flatten()
    }
}
