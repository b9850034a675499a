//! Clients that send too slowly, or nothing, or too much.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use causeway_load::client::Connection;
use causeway_load::load::Load;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{count, expect_memory, expect_sound, seconds};
use crate::Result;
use crate::system::{System, Wishes};
use crate::verdict::Verdict;

const OVERLOAD: Duration = Duration::from_secs(30);
/// For what the overload is compared with.
const PEER: Duration = Duration::from_secs(10);
/// Enough to keep the service busy; the best rate is sought from here on, for group commit likes company.
const CLIENTS: usize = 32;

/// A hundred clients send a byte of their request's head a second; the others must not notice, and none may stay.
pub async fn slow_loris(verdict: &mut Verdict) -> Result {
    let system = System::start(Wishes::default()).await?;
    let target = system.address("frontend").await?;
    let load = Load::start("visit", target, "/", 300);
    let mut clients = JoinSet::new();
    for _ in 0..100 {
        clients.spawn(dribble(target));
    }
    let ended: Vec<_> = clients.join_all().await;
    let outcomes = load.stop().await;
    let longest = ended.iter().max().copied().unwrap_or_default();
    verdict.at_most("a slow client is cut off after", longest.as_secs_f64(), 10.0, "s");
    verdict.expect_no_failure(&outcomes, 0);
    expect_sound(verdict, &system, "db", &outcomes).await
}

async fn dribble(target: SocketAddr) -> Duration {
    let start = Instant::now();
    let Ok(mut stream) = TcpStream::connect(target).await else { return Duration::ZERO };
    let bytes = b"GET / HTTP/1.1\r\nHost: test\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'x'));
    let mut answer = [0; 256];
    for byte in bytes.take(30) {
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        // An answer or the end: either way it is over.
        if timeout(Duration::from_secs(1), stream.read(&mut answer)).await.is_ok() {
            break;
        }
    }
    start.elapsed()
}

/// Ten thousand connections on which nothing more is asked than once.
pub async fn idle(verdict: &mut Verdict) -> Result {
    let system = System::start(Wishes::default()).await?;
    let target = system.address("frontend").await?;
    let load = Load::start("visit", target, "/", 300);
    let mut open = Vec::new();
    for _ in 0..10_000 {
        let mut connection = Connection::open(target).await?;
        connection.get("/health", "idle").await?;
        open.push(connection);
    }
    seconds(3).await;
    let kept = open.iter().filter(|connection| !connection.was_closed()).count();
    let outcomes = load.stop().await;
    verdict.expect("idle connections stay open", kept == open.len(), format!("{kept} of {}", open.len()));
    verdict.expect_no_failure(&outcomes, 0);
    expect_sound(verdict, &system, "db", &outcomes).await
}

/// Twenty times as many clients as it takes for the best rate, none of which ever pauses. The container has a part of a
/// core, so that it is the service that is overloaded and not the machine that also makes the load.
///
/// So many connections do not fit into the processor's caches, whatever is done for them: `/health`, which does nothing,
/// shows how much of its best rate any route keeps here.
pub async fn many(verdict: &mut Verdict) -> Result {
    let system = System::start(Wishes { frontend: vec!["--cpus=0.3"], ..Wishes::default() }).await?;
    let target = system.address("frontend").await?;
    let before = best_rate(target, "/health").await;
    let health = crowd(target, "/health", CLIENTS * 20, PEER).await;
    let best = best_rate(target, "/").await;
    let crowd = crowd(target, "/", CLIENTS * 20, OVERLOAD).await;
    let kept = crowd.rate() * 100.0 / best;
    let health_kept = health.rate() * 100.0 / before;
    verdict.expect(
        "served of the best rate",
        kept >= health_kept * 0.7,
        format!(
            "{kept:.0} % of {best:.0}/s; /health, {health_kept:.0} % of {before:.0}/s (at least 0.7 times as much)"
        ),
    );
    verdict.at_most("p99 of the served", percentile(&crowd.served, 99), 1.0, "s");
    verdict.expect(
        "the rest get 503",
        crowd.other == 0,
        format!("{} 503, {} otherwise", crowd.refused.len(), crowd.other),
    );
    expect_memory(verdict, &system, "frontend").await
}

async fn best_rate(target: SocketAddr, path: &'static str) -> f64 {
    let mut best = 0.0_f64;
    for clients in [CLIENTS, CLIENTS * 2, CLIENTS * 4] {
        best = crowd(target, path, clients, Duration::from_secs(4)).await.rate().max(best);
    }
    best
}

/// A database that takes a millisecond a row, and twenty times as many requests a second as it can store.
pub async fn slow_database(verdict: &mut Verdict) -> Result {
    let system = System::start(Wishes::default()).await?;
    let target = system.address("frontend").await?;
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.001); RETURN NEW; END$$; \
        CREATE TRIGGER slow BEFORE INSERT ON access FOR EACH ROW EXECUTE FUNCTION slow()";
    system.sql("db", slow).await?;
    let best = crowd(target, "/", CLIENTS * 4, Duration::from_secs(5)).await.rate();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is a small positive number")]
    let load = Load::start("visit", target, "/", (best * 20.0) as u32);
    let start = Instant::now();
    sleep(OVERLOAD).await;
    let took = start.elapsed().as_secs_f64();
    let outcomes = load.stop().await;
    let mut served: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_ok()).map(|outcome| outcome.took).collect();
    let mut refused: Vec<_> = outcomes.iter().filter(|outcome| !outcome.is_ok()).map(|outcome| outcome.took).collect();
    served.sort_unstable();
    refused.sort_unstable();
    let offered = count(outcomes.len()) / took;
    verdict.expect("the load", offered > best * 15.0, format!("{offered:.0}/s on {best:.0}/s"));
    let percent = count(served.len()) / took * 100.0 / best;
    verdict.expect("served of the best rate", percent >= 80.0, format!("{percent:.0} % (at least 80 %)"));
    verdict.at_most("p99 of the served", percentile(&served, 99), 1.0, "s");
    verdict.at_most("p99 of the refused", percentile(&refused, 99), 1.0, "s");
    verdict.expect_polite_refusals(&outcomes, 1);
    expect_sound(verdict, &system, "db", &outcomes).await
}

/// What a crowd of restless clients met, shortest first.
#[derive(Default)]
struct Crowd {
    served: Vec<Duration>,
    refused: Vec<Duration>,
    other: usize,
    took: f64,
}

impl Crowd {
    fn rate(&self) -> f64 {
        count(self.served.len()) / self.took
    }
}

async fn crowd(target: SocketAddr, path: &'static str, clients: usize, limit: Duration) -> Crowd {
    let start = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..clients {
        running.spawn(restless(target, path, start + limit));
    }
    let mut crowd = Crowd::default();
    for one in running.join_all().await {
        crowd.served.extend(one.served);
        crowd.refused.extend(one.refused);
        crowd.other += one.other;
    }
    crowd.served.sort_unstable();
    crowd.refused.sort_unstable();
    crowd.took = start.elapsed().as_secs_f64();
    crowd
}

async fn restless(target: SocketAddr, path: &str, end: Instant) -> Crowd {
    let mut crowd = Crowd::default();
    let mut connection = None;
    while Instant::now() < end {
        let mut open = match connection.take() {
            Some(open) => open,
            None => match Connection::open(target).await {
                Ok(open) => open,
                Err(_) => {
                    crowd.other += 1;
                    continue;
                }
            },
        };
        let start = Instant::now();
        match open.get(path, "crowd").await {
            Ok(answer) => {
                match answer.status {
                    200 => crowd.served.push(start.elapsed()),
                    503 => crowd.refused.push(start.elapsed()),
                    _ => crowd.other += 1,
                }
                connection = answer.keeps_open.then_some(open);
            }
            Err(_) => crowd.other += 1,
        }
    }
    crowd
}

/// In seconds, of what is sorted.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    sorted.get(sorted.len() * percent / 100).or(sorted.last()).map_or(0.0, Duration::as_secs_f64)
}
