//! An Application Load Balancer: routes by path, as the listener rules of `deploy/cdk` do, and takes targets in and out by
//! health checks. A real one differs when no target is healthy (it then sends requests to all; here the answer is 503) and
//! when a target refuses a connection (it answers 502; here the next target gets the request, because no scheduler deregisters
//! a target before it stops, as ECS does).

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::task::JoinSet;

use crate::server::{self, Server};

/// Successes in a row after which a target gets requests, and failures in a row after which it gets none.
const THRESHOLD: u32 = 2;
const CHECK_LIMIT: Duration = Duration::from_secs(3);
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// A rule: requests to `path`, and to what is below it, go to the healthy ones among `targets`.
///
/// As text it is `/api/books=books-1:8080,books-2:8080`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The path, such as `/api/books`.
    pub path: String,
    /// Host and port of each target.
    pub targets: Vec<String>,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, targets) = text.split_once('=').ok_or_else(|| format!("{text:?} is not PATH=HOST:PORT,…"))?;
        Ok(Self { path: path.to_owned(), targets: targets.split(',').map(str::to_owned).collect() })
    }
}

impl Rule {
    /// Returns the path of the targets' health check.
    pub fn health_path(&self) -> String {
        format!("{}/health", self.path)
    }
}

struct Group {
    health_path: String,
    path: String,
    targets: Vec<Arc<Target>>,
    /// Counts requests, to take the targets in turn.
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Target {
    address: String,
    healthy: AtomicBool,
    /// Health checks in a row that contradict `healthy`.
    contradictions: AtomicU32,
}

impl Group {
    /// Returns whether the rule matches: `/api/books` and `/api/books/1`, not `/api/booksX`.
    fn matches(&self, path: &str) -> bool {
        path.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the healthy targets, beginning with the one whose turn it is.
    fn healthy(&self) -> Vec<&Target> {
        let healthy = self.targets.iter().map(Arc::as_ref).filter(|target| target.healthy.load(Ordering::Relaxed));
        let mut healthy: Vec<_> = healthy.collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let first = turn % healthy.len().max(1);
        healthy.rotate_left(first);
        healthy
    }
}

impl Target {
    /// Takes the result of one health check into account.
    fn note(&self, passed: bool) {
        let healthy = self.healthy.load(Ordering::Relaxed);
        let in_a_row = if passed == healthy { 0 } else { self.contradictions.load(Ordering::Relaxed) + 1 };
        if in_a_row >= THRESHOLD {
            self.healthy.store(passed, Ordering::Relaxed);
        }
        self.contradictions.store(in_a_row % THRESHOLD, Ordering::Relaxed);
    }
}

/// A running balancer. It ends when it is dropped.
#[derive(Debug)]
pub struct Balancer {
    server: Server,
    _checks: JoinSet<()>,
}

impl Balancer {
    /// Starts balancing on `listener`, with one health check of each target per `interval`.
    ///
    /// # Errors
    /// The listener can't be used, or there is no HTTP client.
    pub fn start(rules: Vec<Rule>, interval: Duration, listener: TcpListener) -> io::Result<Self> {
        // reqwest wants a provider even for plain HTTP. An error means that the process has one.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let client = client.timeout(ANSWER_LIMIT).build().map_err(io::Error::other)?;
        let groups = Data::new(rules.into_iter().map(group).collect::<Vec<_>>());
        let targets = groups.iter().flat_map(|group| {
            group
                .targets
                .iter()
                .map(|target| (target.clone(), format!("http://{}{}", target.address, group.health_path)))
        });
        let checks = targets.map(|(target, url)| check(target, url, client.clone(), interval)).collect();
        let server = Server::start(listener, move |config| {
            config.app_data(groups.clone()).app_data(Data::new(client.clone())).default_service(web::to(pass_on));
        })?;
        Ok(Self { server, _checks: checks })
    }

    /// Does the same on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port can be opened, or there is no HTTP client.
    pub fn start_local(rules: Vec<Rule>, interval: Duration) -> io::Result<Self> {
        Self::start(rules, interval, server::listen()?)
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns its base URL.
    pub fn url(&self) -> String {
        self.server.url()
    }
}

fn group(rule: Rule) -> Group {
    // As with a real one, the first success is enough for a new target.
    let target =
        |address| Target { address, healthy: AtomicBool::new(false), contradictions: AtomicU32::new(THRESHOLD - 1) };
    let targets = rule.targets.iter().cloned().map(target).map(Arc::new).collect();
    Group { health_path: rule.health_path(), path: rule.path, targets, turn: AtomicUsize::new(0) }
}

/// Checks a target for ever.
async fn check(target: Arc<Target>, url: String, client: reqwest::Client, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    loop {
        ticks.tick().await;
        let request = client.get(&url).header("user-agent", "ELB-HealthChecker/2.0").timeout(CHECK_LIMIT);
        target.note(request.send().await.is_ok_and(|response| response.status() == 200));
    }
}

async fn pass_on(
    request: HttpRequest,
    body: Bytes,
    groups: Data<Vec<Group>>,
    client: Data<reqwest::Client>,
) -> HttpResponse {
    let Some(group) = groups.iter().find(|group| group.matches(request.path())) else {
        // The listener's default action.
        return HttpResponse::NotFound().finish();
    };
    let Ok(method) = request.method().as_str().parse::<reqwest::Method>() else {
        return HttpResponse::BadRequest().finish();
    };
    for target in group.healthy() {
        let url = format!("http://{}{}", target.address, request.uri());
        let onward = client.request(method.clone(), url).headers(forwarded(&request)).body(body.clone());
        match onward.send().await {
            Ok(answer) => return passed_back(answer).await,
            Err(error) if error.is_connect() => {}
            Err(_) => return HttpResponse::BadGateway().finish(),
        }
    }
    HttpResponse::ServiceUnavailable().finish()
}

/// Returns the headers that go to the target.
fn forwarded(request: &HttpRequest) -> HeaderMap {
    let hop_by_hop = [CONNECTION, TRANSFER_ENCODING];
    let kept = request.headers().iter().filter(|(name, _)| !hop_by_hop.contains(name));
    let mut headers: HeaderMap = kept
        .filter_map(|(name, value)| {
            Some((name.as_str().parse().ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
        })
        .collect();
    if let Some(peer) = request.peer_addr().and_then(|peer| peer.ip().to_string().parse().ok()) {
        headers.append("x-forwarded-for", peer);
    }
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    headers
}

async fn passed_back(answer: reqwest::Response) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(answer.status().as_u16());
    let mut response = HttpResponse::build(status.unwrap_or(actix_web::http::StatusCode::BAD_GATEWAY));
    let hop_by_hop = [CONNECTION.as_str(), TRANSFER_ENCODING.as_str(), HOST.as_str()];
    for (name, value) in answer.headers().iter().filter(|(name, _)| !hop_by_hop.contains(&name.as_str())) {
        response.append_header((name.as_str(), value.as_bytes()));
    }
    match answer.bytes().await {
        Ok(body) => response.body(body),
        Err(_) => HttpResponse::BadGateway().finish(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_matches_its_path_and_what_is_below_and_no_longer_name() {
        let group = group("/api/books=books:8080,other:8080".parse().unwrap());
        assert_eq!(group.targets.len(), 2);
        assert!(group.matches("/api/books") && group.matches("/api/books/1"));
        assert!(!group.matches("/api/booksX") && !group.matches("/api/authors"));
    }

    #[test]
    fn a_target_comes_with_its_first_check_and_then_goes_and_comes_after_two_in_a_row() {
        let group = group("/a=one:1".parse().unwrap());
        let states: Vec<bool> = [true, true, false, true, false, false, true, false, true, true]
            .map(|passed| {
                group.targets[0].note(passed);
                !group.healthy().is_empty()
            })
            .to_vec();
        assert_eq!(states, [true, true, true, true, true, false, false, false, false, true]);
    }
}
