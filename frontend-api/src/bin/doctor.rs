//! The doctor as a separate program, for any service: `doctor --target db.internal:5432`. See docs/doctor-anywhere.md.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    frontend_api::doctor().await
}
