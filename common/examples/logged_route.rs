//! The second peer of `make bench`: a route as one would write it by hand, with actix-web's own access log and the headers
//! that every answer of ours has.

use std::io::Write;

use actix_web::middleware::{DefaultHeaders, Logger};
use actix_web::{App, HttpServer, web};
use log::{LevelFilter, Log, Metadata, Record};

/// A line per request on standard error, as `env_logger` writes it, but without its time.
struct Lines;

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("[{} {}] {}\n", record.level(), record.target(), record.args());
        // Nobody is left to tell when standard error is gone.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    log::set_logger(&Lines).map_err(|error| std::io::Error::other(error.to_string()))?;
    log::set_max_level(LevelFilter::Info);
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse::<u16>().ok());
    let workers = variable("WORKERS").unwrap_or(1).into();
    let app = || {
        let headers = DefaultHeaders::new()
            .add(("x-content-type-options", "nosniff"))
            .add(("referrer-policy", "no-referrer"))
            .add(("cache-control", "no-store"))
            .add(("content-security-policy", "default-src 'none'; frame-ancestors 'none'"))
            .add(("x-request-id", "0192d7e4-7c1e-7a4b-9d5c-0f2b6a1c3d4e"));
        let answer = || async { web::Json(serde_json::json!({ "Response": "Registered request" })) };
        App::new().wrap(headers).wrap(Logger::default()).route("/", web::get().to(answer))
    };
    HttpServer::new(app).workers(workers).bind(("127.0.0.1", variable("PORT").unwrap_or(8080)))?.run().await
}
