//! Where pictures are stored, and how many.

use std::sync::Arc;
use std::time::Duration;

use causeway_common::config::{Group, Optional, Var, Vars};

use crate::aws::Aws;
use crate::aws::s3::S3;

const DIARY_BUCKET: Optional<String> = Optional::text(
    "DIARY_BUCKET",
    "diaries have no pictures",
    "The S3 bucket of the diaries' pictures. Region, endpoint and credentials are those of the AWS SDK.",
);
const DIARY_USER_MEGABYTES: Var<i64> = Var::int(
    "DIARY_USER_MEGABYTES",
    10_240,
    1..=1_000_000_000,
    "Pictures that one user may store, in megabytes; more are answered with 413.",
);
const DIARY_UPLOADS: Var<usize> = Var::int(
    "DIARY_UPLOADS",
    8,
    1..=1000,
    "Pictures that are uploaded at a time. Each needs up to 6 MB of memory; further ones wait for 20 s at most. One user has a quarter of them at a time, at least one.",
);

const DIARY_STORAGE_TIMEOUT_MS: Var<Duration> = Var::milliseconds(
    "DIARY_STORAGE_TIMEOUT_MS",
    4500,
    100..=60_000,
    "Longest time for one call of S3, with all of its attempts. A picture needs one call for each 5 MB, and two more if it is longer.",
);

/// Where pictures are stored, and how many.
#[derive(Debug)]
pub struct DiariesConfig {
    bucket: Option<String>,
    pub(super) user_bytes: i64,
    pub(super) uploads: usize,
    storage_timeout: Duration,
}

impl DiariesConfig {
    /// Its variables.
    pub const VARIABLES: Group = Group {
        title: "Diaries",
        variables: &[&DIARY_BUCKET, &DIARY_USER_MEGABYTES, &DIARY_UPLOADS, &DIARY_STORAGE_TIMEOUT_MS],
    };

    /// Returns the bucket, if one is configured. Nothing is connected yet.
    pub fn storage(&self, aws: &Arc<Aws>) -> Option<Arc<S3>> {
        let bucket = self.bucket.clone()?;
        Some(Arc::new(S3::new(aws.clone(), bucket, self.storage_timeout)))
    }

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        Self {
            bucket: vars.read(&DIARY_BUCKET),
            user_bytes: vars.read(&DIARY_USER_MEGABYTES) * 1_000_000,
            uploads: vars.read(&DIARY_UPLOADS),
            storage_timeout: vars.read(&DIARY_STORAGE_TIMEOUT_MS),
        }
    }
}
