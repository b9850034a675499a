//! frontend-api: the public API.

use std::process::ExitCode;

#[actix_web::main]
async fn main() -> ExitCode {
    frontend_api::run().await
}
