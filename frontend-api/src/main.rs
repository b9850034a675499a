//! frontend-api: the public API.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// glibc keeps what was freed below memory that is in use.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    frontend_api::run().await
}
