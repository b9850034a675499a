//! Objects in one S3 bucket.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use url::{Host, Url};

use super::failure::Failure;
use super::spans::traced;
use super::{Aws, Service};

const SERVICE: Service = Service { id: "S3", host: "s3" };
/// One TCP connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// The key that the doctor requests. No object has it.
const PROBE: &str = "causeway-doctor";
/// S3 accepts no smaller part except the last one.
pub const PART: usize = 5 << 20;

/// A bucket. Its client is made at the first use.
pub struct S3 {
    aws: Arc<Aws>,
    bucket: String,
    /// For one operation. All bodies are in memory, so that only S3 and the network can be slow.
    limit: Duration,
    client: OnceCell<Client>,
}

/// An upload in parts.
pub struct Parts {
    id: String,
    sent: Vec<CompletedPart>,
}

/// S3 did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[error("S3's {operation} failed: {reason}")]
pub struct S3Error {
    /// As S3's API names it.
    operation: &'static str,
    /// With all causes, for the log.
    reason: String,
}

impl S3Error {
    fn new<E: std::error::Error + 'static>(operation: &'static str, error: &E) -> Self {
        Self { operation, reason: DisplayErrorContext(error).to_string() }
    }
}

impl S3 {
    /// A bucket that has not been used yet. `limit` is for one operation with all of its attempts.
    pub fn new(aws: Arc<Aws>, bucket: String, limit: Duration) -> Self {
        Self { aws, bucket, limit, client: OnceCell::new() }
    }

    /// Returns the name of the bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns what the SDK found in environment and profile.
    pub async fn sdk(&self) -> &SdkConfig {
        self.aws.sdk().await
    }

    /// Returns where the SDK sends its requests.
    pub async fn endpoint(&self) -> Option<Url> {
        self.aws.endpoint(SERVICE).await
    }

    /// Returns the SDK's client.
    pub async fn client(&self) -> &Client {
        self.client.get_or_init(|| Box::pin(self.connect())).await
    }

    async fn connect(&self) -> Client {
        let sdk = self.aws.sdk().await;
        let limits = sdk.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let limits = limits
            .connect_timeout(CONNECT_LIMIT)
            // Leaves time for a second attempt after one that was lost.
            .operation_attempt_timeout(self.limit * 2 / 3)
            .operation_timeout(self.limit);
        let local = self.endpoint().await.is_some_and(|url| is_local(&url));
        Client::from_conf(Builder::from(sdk).timeout_config(limits.build()).force_path_style(local).build())
    }

    /// Starts an upload that is to be aborted: it needs the right to write, and stores nothing.
    ///
    /// # Errors
    /// What S3 shows.
    pub async fn begin_probe(&self) -> Result<Parts, Failure> {
        let create = self.client().await.create_multipart_upload().bucket(&self.bucket).key(PROBE);
        let begun = Box::pin(create.send()).await.map_err(|error| Failure::of(&error))?;
        Ok(Parts { id: begun.upload_id.unwrap_or_default(), sent: Vec::new() })
    }

    /// Aborts the upload.
    ///
    /// # Errors
    /// What S3 shows. In this case the bucket's lifecycle rule removes the upload.
    pub async fn end_probe(&self, parts: Parts) -> Result<(), Failure> {
        let abort = self.client().await.abort_multipart_upload().bucket(&self.bucket).key(PROBE).upload_id(parts.id);
        Box::pin(abort.send()).await.map(drop).map_err(|error| Failure::of(&error))
    }

    /// Reads an object that most likely does not exist.
    ///
    /// # Errors
    /// What S3 shows: `NoSuchKey` where the role may list the bucket.
    pub async fn read_probe(&self) -> Result<(), Failure> {
        let get = self.client().await.get_object().bucket(&self.bucket).key(PROBE);
        Box::pin(get.send()).await.map(drop).map_err(|error| Failure::of(&error))
    }

    /// Stores `body` as the object `key`.
    ///
    /// # Errors
    /// The object may have been stored nevertheless.
    pub async fn put(&self, key: &str, media_type: &str, body: Bytes) -> Result<(), S3Error> {
        let put = self.client().await.put_object().bucket(&self.bucket).key(key);
        finish("PutObject", put.content_type(media_type).body(ByteStream::from(body)).send()).await.map(drop)
    }

    /// Begins to upload the object `key` in parts.
    ///
    /// # Errors
    /// S3's.
    pub async fn begin_parts(&self, key: &str, media_type: &str) -> Result<Parts, S3Error> {
        let create = self.client().await.create_multipart_upload().bucket(&self.bucket).key(key);
        let create = create.content_type(media_type).checksum_algorithm(ChecksumAlgorithm::Crc32);
        let begun = finish("CreateMultipartUpload", create.send()).await?;
        Ok(Parts { id: begun.upload_id.unwrap_or_default(), sent: Vec::new() })
    }

    /// Uploads the next part, at least [`PART`] bytes unless it is the last.
    ///
    /// # Errors
    /// S3's.
    pub async fn put_part(&self, key: &str, parts: &mut Parts, body: Bytes) -> Result<(), S3Error> {
        let number = i32::try_from(parts.sent.len() + 1).expect("a picture has few parts");
        let part = self.client().await.upload_part().bucket(&self.bucket).key(key).upload_id(&parts.id);
        let part = part.part_number(number).checksum_algorithm(ChecksumAlgorithm::Crc32).body(ByteStream::from(body));
        let sent = finish("UploadPart", part.send()).await?;
        let sent =
            CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).set_checksum_crc32(sent.checksum_crc32);
        parts.sent.push(sent.build());
        Ok(())
    }

    /// Makes the object of its parts.
    ///
    /// # Errors
    /// The object may have been stored nevertheless.
    pub async fn complete_parts(&self, key: &str, parts: &Parts) -> Result<(), S3Error> {
        let sent = CompletedMultipartUpload::builder().set_parts(Some(parts.sent.clone())).build();
        let complete = self.client().await.complete_multipart_upload().bucket(&self.bucket).key(key);
        finish("CompleteMultipartUpload", complete.upload_id(&parts.id).multipart_upload(sent).send()).await.map(drop)
    }

    /// Aborts an upload. S3 removes its parts.
    ///
    /// # Errors
    /// S3's.
    pub async fn abort_parts(&self, key: &str, parts: Parts) -> Result<(), S3Error> {
        let abort = self.client().await.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(parts.id);
        finish("AbortMultipartUpload", abort.send()).await.map(drop)
    }

    /// Removes the object `key`, if there is one.
    ///
    /// # Errors
    /// S3's.
    pub async fn delete(&self, key: &str) -> Result<(), S3Error> {
        let delete = self.client().await.delete_object().bucket(&self.bucket).key(key);
        finish("DeleteObject", delete.send()).await.map(drop)
    }

    /// Returns a URL with which everyone can read the object `key` for `life`, as a file of this type.
    ///
    /// # Errors
    /// There are no credentials.
    pub async fn presign(&self, key: &str, media_type: &str, life: Duration) -> Result<String, S3Error> {
        const OPERATION: &str = "GetObject";
        let get = self.client().await.get_object().bucket(&self.bucket).key(key);
        let get = get.response_content_type(media_type).response_cache_control("private, max-age=60");
        let config = PresigningConfig::expires_in(life).map_err(|error| S3Error::new(OPERATION, &error))?;
        let signing = timeout(self.limit, Box::pin(get.presigned(config))).await;
        let signed = signing.map_err(|error| S3Error::new(OPERATION, &error))?;
        Ok(signed.map_err(|error| S3Error::new(OPERATION, &error))?.uri().to_owned())
    }
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

/// Waits for one operation, within its span. On the heap: the SDK's futures have more than 20 kB each.
async fn finish<T, E: ProvideErrorMetadata, R>(
    operation: &'static str,
    sending: impl Future<Output = Result<T, SdkError<E, R>>>,
) -> Result<T, S3Error>
where
    SdkError<E, R>: std::error::Error + 'static,
{
    traced("S3", operation, Box::pin(sending)).await.map_err(|error| S3Error::new(operation, &error))
}

/// Returns whether S3 allows this name: 3 to 63 lower-case letters, digits, hyphens and dots, as a host name has them.
pub fn is_bucket_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let ends_well = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    (3..=63).contains(&name.len())
        && name.bytes().all(is_allowed)
        && ends_well(name.as_bytes().first())
        && ends_well(name.as_bytes().last())
}

/// Only a stand-in has no host name for each bucket.
fn is_local(endpoint: &Url) -> bool {
    match endpoint.host() {
        Some(Host::Domain(name)) => !name.contains('.'),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    }
}
