//! AWS's stand-ins for tests.

pub use causeway_stand_ins::balancer::{Balancer, Rule};
pub use causeway_stand_ins::metadata;
pub use causeway_stand_ins::secrets_manager::{SECRET, SecretsManager, on_app_runner, rds_secret};
pub use causeway_stand_ins::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server};

/// An S3 of one test's own, with the empty bucket `diaries`.
#[derive(Debug)]
pub struct S3 {
    server: causeway_stand_ins::s3::S3,
    _folder: tempfile::TempDir,
}

impl S3 {
    /// Starts it on a free port of 127.0.0.1. Dropping it ends it and removes its objects.
    #[expect(clippy::unused_async, reason = "it needs a runtime, and must not be called without one")]
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = causeway_stand_ins::s3::S3::start_in(folder.path()).expect("a free port");
        Self { server, _folder: folder }
    }
}

impl std::ops::Deref for S3 {
    type Target = causeway_stand_ins::s3::S3;

    fn deref(&self) -> &Self::Target {
        &self.server
    }
}
