//! The peer of `make bench`: what actix-web alone can do on this machine.

use actix_web::{App, HttpServer, web};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse::<u16>().ok());
    let workers = variable("WORKERS").unwrap_or(1).into();
    HttpServer::new(|| App::new().route("/", web::get().to(|| async { r#"{"Response":"Registered request"}"# })))
        .workers(workers)
        .bind(("127.0.0.1", variable("PORT").unwrap_or(8080)))?
        .run()
        .await
}
