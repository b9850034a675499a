//! S3 by `s3s-fs`: each folder of `root` is a bucket. It checks signatures, answers ranges and takes multipart uploads.
//!
//! Unlike S3 it keeps and serves `Content-Encoding: aws-chunked`, and it ignores `If-None-Match`.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The bucket of the diaries.
pub const BUCKET: &str = "diaries";

/// A running S3. It ends when it is dropped; the objects stay in its folder.
#[derive(Debug)]
pub struct S3 {
    address: SocketAddr,
    root: PathBuf,
    accepting: JoinHandle<()>,
}

impl S3 {
    /// Serves the buckets in `root` on `listener`, and makes the bucket `diaries` there if it is missing.
    ///
    /// # Errors
    /// The folder or the listener can't be used.
    pub fn start(root: &Path, listener: std::net::TcpListener) -> io::Result<Self> {
        std::fs::create_dir_all(root.join(BUCKET))?;
        let files = FileSystem::new(root).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(crate::ACCESS_KEY_ID, crate::SECRET_ACCESS_KEY));
        let service = service.build();
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let service = service.clone();
                connections.spawn(async move {
                    let http = Builder::new(TokioExecutor::new());
                    // An error is its client's affair: the connection is closed.
                    http.serve_connection(TokioIo::new(stream), service).await.ok();
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, root: root.to_owned(), accepting })
    }

    /// Does the same on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// The folder can't be used, or no port can be opened.
    pub fn start_in(root: &Path) -> io::Result<Self> {
        Self::start(root, crate::server::listen()?)
    }

    /// Returns the value of `AWS_ENDPOINT_URL_S3`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the keys of all objects in `bucket`, sorted.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn keys(&self, bucket: &str) -> io::Result<Vec<String>> {
        let bucket = self.root.join(bucket);
        let (mut keys, mut waiting) = (Vec::new(), vec![bucket.clone()]);
        while let Some(folder) = waiting.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    waiting.push(path);
                } else if let Ok(key) = path.strip_prefix(&bucket) {
                    keys.push(key.to_string_lossy().into_owned());
                }
            }
        }
        // s3s-fs keeps an object's attributes and unfinished uploads in files that begin with a dot.
        keys.retain(|key| !key.rsplit('/').next().unwrap_or(key).starts_with('.'));
        keys.sort();
        Ok(keys)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
