//! What replaces AWS under `make run`.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use causeway_stand_ins::balancer::{Balancer, Rule};
use causeway_stand_ins::s3::{BUCKET, S3};
use causeway_stand_ins::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server, metadata};

const CHECK_EVERY: Duration = Duration::from_millis(500);

/// The running stand-ins. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct StandIns {
    metadata: Server,
    s3: S3,
    balancer: Option<Balancer>,
}

impl StandIns {
    /// Starts all but the balancer, with S3's objects in `objects`.
    pub(crate) fn start(objects: &Path, tell: fn(&str)) -> Result<Self, String> {
        let metadata = metadata::start().map_err(|error| format!("the metadata stand-in: {error}"))?;
        tell(&format!("  task metadata     {}, a stand-in", metadata.url()));
        let s3 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| S3::start(objects, listener));
        let s3 = s3.map_err(|error| format!("the S3 stand-in, in {}: {error}", objects.display()))?;
        tell(&format!("  S3                {}, a stand-in, with its objects in {}", s3.url(), objects.display()));
        Ok(Self { metadata, s3, balancer: None })
    }

    /// Starts the balancer on `address`; each target gets what is below `/api/` and its name.
    pub(crate) fn start_balancer(
        &mut self,
        targets: impl Iterator<Item = (&'static str, SocketAddr)>,
        address: SocketAddr,
    ) -> Result<(), String> {
        let rule =
            |(name, target): (_, SocketAddr)| Rule { path: format!("/api/{name}"), targets: vec![target.to_string()] };
        let rules = targets.map(rule).collect();
        let balancer = TcpListener::bind(address).and_then(|listener| Balancer::start(rules, CHECK_EVERY, listener));
        self.balancer = Some(balancer.map_err(|error| format!("the balancer, on {address}: {error}"))?);
        Ok(())
    }

    /// Returns the variables by which a service reaches S3.
    pub(crate) fn s3_variables(&self) -> [(&'static str, OsString); 5] {
        [
            ("DIARY_BUCKET", BUCKET.into()),
            ("AWS_ENDPOINT_URL_S3", self.s3.url().into()),
            ("AWS_REGION", "eu-west-1".into()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.into()),
        ]
    }

    /// Returns the variables that ECS gives to the task `name`.
    pub(crate) fn task_variables(&self, name: &str) -> Vec<(&'static str, OsString)> {
        vec![("ECS_CONTAINER_METADATA_URI_V4", metadata::uri(&self.metadata, name).into())]
    }
}
