//! All stand-ins but the balancer in one process, for Compose and the fault tests. `stand-ins setup` makes Compose's
//! password and certificates in `/setup`; `stand-ins health` checks a running process; `stand-ins balancer` balances on port
//! 8090 by the rules in `BALANCER`, such as `/api/books=books:8080 /api/authors=authors:8080`.
//!
//! | Port | Request | Answer |
//! |---|---|---|
//! | 8080 | `GET /v4/<name>`, `GET /v4/<name>/task` | the task metadata of the caller |
//! | 8080 | `POST /` | Secrets Manager; the secret is at first `SECRET`, or one with the password in `PASSWORD_FILE` |
//! | 8080 | `PUT /secret` | replaces the secret by the body, as a rotation does |
//! | 8080 | `PUT /rate` | limits each task to that many answers of its metadata per second; 0 removes the limit |
//! | 8080 | `GET /health` | 200 |
//! | 9000 | any | S3, with the bucket `diaries` in `/data` |

mod setup;

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};
use causeway_stand_ins::Server;
use causeway_stand_ins::balancer::{Balancer, Rule};
use causeway_stand_ins::metadata::{self, Throttle};
use causeway_stand_ins::s3::S3;
use causeway_stand_ins::secrets_manager::{self, Secret};
use tokio::signal::unix::{SignalKind, signal};

const PORT: u16 = 8080;
const S3_PORT: u16 = 9000;
const BALANCER_PORT: u16 = 8090;
const CHECK_EVERY: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        None => serve().await,
        Some("setup") => setup::make(Path::new("/setup")),
        Some("balancer") => balance().await,
        Some("health") => check().map_err(Into::into),
        Some(_) => Err("usage: stand-ins [setup|health|balancer]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "stand-ins: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let (secret, throttle) = (Data::new(Secret::default()), Data::new(Throttle::default()));
    if let Ok(value) = std::env::var("SECRET") {
        secret.tells(&value);
    } else if let Ok(file) = std::env::var("PASSWORD_FILE") {
        secret.tells(&secrets_manager::rds_secret("db", 5432, "postgres", std::fs::read_to_string(file)?.trim()));
    }
    let _aws = Server::start(listen(PORT)?, move |config| {
        control(config);
        secrets_manager::routes(config, secret.clone());
        metadata::routes(config, throttle.clone());
    })?;
    let _s3 = S3::start(Path::new("/data"), listen(S3_PORT)?)?;
    until_terminated().await
}

async fn balance() -> Result<(), Box<dyn Error>> {
    let rules = std::env::var("BALANCER")?;
    let rules = rules.split_whitespace().map(str::parse::<Rule>).collect::<Result<Vec<_>, _>>()?;
    let _balancer = Balancer::start(rules, CHECK_EVERY, listen(BALANCER_PORT)?)?;
    until_terminated().await
}

/// Without a handler, the first process of a container ignores SIGTERM.
async fn until_terminated() -> Result<(), Box<dyn Error>> {
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
}

fn control(config: &mut ServiceConfig) {
    config
        .route("/health", web::get().to(|| async { HttpResponse::Ok().json("healthy") }))
        .route("/secret", web::put().to(replace_secret))
        .route("/rate", web::put().to(set_rate));
}

async fn replace_secret(secret: Data<Secret>, body: String) -> HttpResponse {
    secret.tells(&body);
    HttpResponse::Ok().json("replaced")
}

async fn set_rate(throttle: Data<Throttle>, body: String) -> HttpResponse {
    match body.trim().parse() {
        Ok(rate) => {
            throttle.set(rate);
            HttpResponse::Ok().json("set")
        }
        Err(_) => HttpResponse::BadRequest().json("a number is needed"),
    }
}

/// Asks the stand-ins of this container whether they answer.
fn check() -> std::io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, PORT))?;
    stream.set_read_timeout(Some(CHECK_EVERY))?;
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    if answer.ends_with(b"200") { Ok(()) } else { Err(std::io::Error::other("no 200")) }
}
