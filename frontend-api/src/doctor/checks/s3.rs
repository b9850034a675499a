//! Configuration → DNS → TCP → TLS → credentials → an upload that is started and aborted, as pictures are written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use url::Url;

use super::aws::{
    CONFIGURATION_LIMIT, CREDENTIALS_LIMIT, common_cause, credentials, describe, no_credentials, plan, region,
};
use super::reach;
use crate::aws::failure::{Failure, Refusal};
use crate::aws::s3::{S3, is_bucket_name};
use crate::doctor::Check;
use crate::doctor::causes::{
    AWS_SLOW, BUCKET_MISSING, BUCKET_NAME, BUCKET_REGION, Cause, NOT_AWS, REGION_MISSING, S3_ACCESS_DENIED,
    S3_BUCKET_POLICY, S3_FAILED, S3_KMS_DENIED, UPLOAD_NOT_ENDED,
};
use crate::doctor::place::shown;
use crate::doctor::report::CheckReport;
use crate::doctor::stage::StageName;
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found, Walk};

const CALL_LIMIT: Duration = Duration::from_secs(4);

pub(super) struct S3Check {
    pub(super) s3: Arc<S3>,
    /// Whether the bucket belongs to another account; then it is only read.
    pub(super) reads_only: bool,
}

impl Check for S3Check {
    fn subject(&self) -> &Subject {
        &Subject::S3
    }

    fn run(&self, deadline: Instant) -> BoxFuture<'_, CheckReport> {
        self.check(deadline).boxed()
    }
}

impl S3Check {
    async fn check(&self, deadline: Instant) -> CheckReport {
        let last = if self.reads_only { StageName::Read } else { StageName::Writable };
        let plan = plan(self.s3.endpoint(), last).await;
        let mut walk = Walk::new(Subject::S3, &plan, deadline);
        self.stages(&mut walk).await;
        walk.finish()
    }

    async fn stages(&self, walk: &mut Walk) -> Option<()> {
        let probe = configuration(&self.s3);
        let endpoint = walk.stage(StageName::Configuration, CONFIGURATION_LIMIT, &REGION_MISSING, probe).await?;
        walk.target(shown(&endpoint));
        reach(walk, &endpoint).await?;
        let sdk = self.s3.sdk().await;
        walk.stage(StageName::Credentials, CREDENTIALS_LIMIT, no_credentials(), credentials(sdk)).await?;
        if self.reads_only {
            walk.stage(StageName::Read, CALL_LIMIT, &AWS_SLOW, readable(&self.s3)).await
        } else {
            walk.stage(StageName::Writable, CALL_LIMIT, &AWS_SLOW, writable(&self.s3)).await
        }
    }
}

async fn configuration(s3: &S3) -> Result<Found<Url>, Fault> {
    if !is_bucket_name(s3.bucket()) {
        return Err(Fault::new(&BUCKET_NAME, format!("the name is {:?}", s3.bucket())));
    }
    let region = region(s3.sdk().await)?;
    match s3.endpoint().await {
        Some(url) => Ok(Found::new(url, format!("bucket {} in region {region}", s3.bucket()))),
        None => Err(Fault::new(&REGION_MISSING, "no usable endpoint")),
    }
}

/// Starts an upload and aborts it: this needs the same rights as a picture, and leaves nothing.
async fn writable(s3: &S3) -> Result<Found<()>, Fault> {
    let upload = s3.begin_probe().await.map_err(|failure| fault(&failure))?;
    match s3.end_probe(upload).await {
        Ok(()) => Ok(Found::new((), "an upload can be started and aborted")),
        Err(failure) => Ok(Found::warning((), Fault::new(&UPLOAD_NOT_ENDED, fault(&failure).evidence))),
    }
}

/// Requests an object that does not exist. If the role may not list the bucket, S3 does not report that.
async fn readable(s3: &S3) -> Result<Found<()>, Fault> {
    match s3.read_probe().await {
        Ok(()) => Ok(Found::new((), "objects can be read")),
        Err(Failure::Refused(refusal)) if refusal.code == "NoSuchKey" => Ok(Found::new((), "objects can be read")),
        Err(Failure::Refused(refusal)) if refusal.message.contains("s3:ListBucket") => {
            Ok(Found::new((), "objects can be read; the role may not list the bucket"))
        }
        Err(failure) => Err(fault(&failure)),
    }
}

fn fault(failure: &Failure) -> Fault {
    match failure {
        Failure::TimedOut => Fault::new(&AWS_SLOW, "no answer in time"),
        Failure::Foreign(status) => Fault::new(&NOT_AWS, format!("status {status}, without an AWS error code")),
        Failure::NotSent(text) => Fault::new(&S3_FAILED, text),
        Failure::Refused(refusal) => {
            let region = refusal.bucket_region.as_ref().map(|region| format!("; the bucket is in {region}"));
            let seen = describe(refusal) + &region.unwrap_or_default();
            Fault::new(cause(refusal), seen)
        }
    }
}

fn cause(refusal: &Refusal) -> &'static Cause {
    let says = |text: &str| refusal.message.contains(text);
    match refusal.code.as_str() {
        "NoSuchBucket" => &BUCKET_MISSING,
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => &BUCKET_REGION,
        code if code.starts_with("KMS.") => &S3_KMS_DENIED,
        "AccessDenied" if says("kms:") || says("KMS") => &S3_KMS_DENIED,
        "AccessDenied" if says("explicit deny in a resource-based policy") => &S3_BUCKET_POLICY,
        _ => match common_cause(refusal) {
            Some(cause) => cause,
            None if refusal.code == "AccessDenied" => &S3_ACCESS_DENIED,
            None => &S3_FAILED,
        },
    }
}
