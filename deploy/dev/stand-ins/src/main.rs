//! Stand-ins, in a container, for what only AWS has. For `compose.yaml` and the fault tests; never for production.
//!
//! | Request | Answer |
//! |---|---|
//! | `GET /v4/<id>`, `GET /v4/<id>/task` | task metadata of whoever asks: its address is the caller's |
//! | `POST /` with `X-Amz-Target: secretsmanager.GetSecretValue` | the secret, at first `SECRET` |
//! | `PUT /secret` | replaces the secret by the body: what a rotation does |
//! | `PUT /rate` | each task gets so many answers of its metadata a second and else 429; 0: without limit |
//! | `GET /health` | 200 |
//!
//! Plain HTTP/1.1, a thread and a request a connection: few ask, and seldom.

mod http;
mod metadata;
mod secret;

use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::{Request, Response};

const PORT: u16 = 8080;

/// What can be changed from outside.
struct State {
    secret: String,
    /// Counts up with each rotation.
    version: u32,
    /// Answers a second for each task; 0: without limit.
    rate: u32,
    /// When each task's present second began, and how often it asked in it.
    seconds: HashMap<IpAddr, (Instant, u32)>,
}

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        None => serve(),
        Some("health") => http::check(PORT),
        Some(_) => Err(std::io::Error::other("usage: stand-ins [health]")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "stand-ins: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> std::io::Result<()> {
    let secret = std::env::var("SECRET").unwrap_or_default();
    let state = State { secret, version: 1, rate: 0, seconds: HashMap::new() };
    let state = Arc::new(Mutex::new(state));
    for connection in TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT))?.incoming() {
        let state = state.clone();
        // One broken connection is its client's affair.
        std::thread::spawn(move || connection.and_then(|connection| converse(&connection, &state)));
    }
    Ok(())
}

fn converse(connection: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let caller = connection.peer_addr()?.ip();
    let request = http::read(connection)?;
    let response = answer(&request, caller, &mut state.lock().unwrap_or_else(PoisonError::into_inner));
    http::write(connection, &response)
}

fn answer(request: &Request, caller: IpAddr, state: &mut State) -> Response {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/health") => Response::ok("{}".to_owned()),
        ("GET", path) if path.starts_with("/v4/") => match state.admits(caller) {
            true if path.ends_with("/task") => Response::ok(metadata::task(caller)),
            true => Response::ok(metadata::container(caller)),
            false => Response::new(429, "You have reached maximum request limit.\n".to_owned()),
        },
        ("POST", "/") if request.target.ends_with(".GetSecretValue") => {
            Response::ok(secret::value(&state.secret, state.version))
        }
        ("PUT", "/secret") => {
            state.secret.clone_from(&request.body);
            state.version += 1;
            Response::ok("{}".to_owned())
        }
        ("PUT", "/rate") => match request.body.trim().parse() {
            Ok(rate) => {
                state.rate = rate;
                Response::ok("{}".to_owned())
            }
            Err(_) => Response::new(400, "\"a number is needed\"".to_owned()),
        },
        _ => Response::new(404, "\"404 page not found\"".to_owned()),
    }
}

impl State {
    fn admits(&mut self, caller: IpAddr) -> bool {
        let (since, asked) = self.seconds.entry(caller).or_insert((Instant::now(), 0));
        if since.elapsed().as_secs() > 0 {
            (*since, *asked) = (Instant::now(), 0);
        }
        *asked += 1;
        self.rate == 0 || *asked <= self.rate
    }
}
