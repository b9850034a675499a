//! What the doctor checks besides the dependencies that the service has anyway.

use causeway_common::config::{Group, Optional, Vars};
use url::Url;

use super::place::Place;
use super::subject::Subject;
use crate::database::parse_port;

/// Each is dialled at each run.
const MOST_TARGETS: usize = 20;

const TARGET: Optional<String> = Optional::text("TARGET", "none", "One more host for the doctor to check.");
const TARGETPORT: Optional<u16> = Optional::int("TARGETPORT", 1..=65_535, "none", "The port of `TARGET`.");
const DOCTOR_TARGETS: Optional<Vec<Target>> = Optional::parsed(
    "DOCTOR_TARGETS",
    "a comma list of host:port and http(s) URLs, at most 20",
    parse_targets,
    "none",
    "More targets for the doctor to check.",
);

const REVISION: Optional<String> = Optional::text(
    "REVISION",
    "none",
    "The revision that was deployed; the doctor's report names it, so that a deployment knows which one answers.",
);

/// What the doctor checks besides the service's own dependencies, and what it says of itself.
pub struct DoctorConfig {
    /// `TARGET` with `TARGETPORT`, then `DOCTOR_TARGETS`.
    pub targets: Vec<Target>,
    /// `REVISION`.
    pub(super) revision: Option<String>,
}

/// One more thing to check.
#[derive(Debug, Clone)]
pub struct Target {
    pub(super) subject: Subject,
    pub(super) place: Place,
}

impl DoctorConfig {
    /// Its variables.
    pub const VARIABLES: Group =
        Group { title: "Doctor", variables: &[&TARGET, &TARGETPORT, &DOCTOR_TARGETS, &REVISION] };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        let host = vars.read(&TARGET);
        let port = vars.read(&TARGETPORT);
        if host.is_some() && port.is_none() {
            vars.reject("TARGETPORT", "is needed with TARGET: a port from 1 to 65535");
        }
        let named = host.zip(port).map(|(host, port)| Target {
            subject: Subject::Target(Subject::TARGET.to_owned()),
            place: Place::Address { host, port },
        });
        let listed = vars.read(&DOCTOR_TARGETS).unwrap_or_default();
        Self { targets: named.into_iter().chain(listed).collect(), revision: vars.read(&REVISION) }
    }
}

impl From<Place> for Target {
    /// Names the target as it is shown.
    fn from(place: Place) -> Self {
        Self { subject: Subject::Target(place.to_string()), place }
    }
}

fn parse_targets(text: &str) -> Result<Vec<Target>, String> {
    let targets: Vec<_> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(parse_target).collect();
    if targets.len() > MOST_TARGETS {
        return Err(format!("has {} targets; {MOST_TARGETS} are the most", targets.len()));
    }
    targets.into_iter().collect()
}

/// The error quotes no part of an item: a URL can hold a password, also where a port is expected.
pub(super) fn parse_target(item: &str) -> Result<Target, String> {
    let malformed = || "has an item that is neither host:port nor an http(s) URL without user info".to_owned();
    if item.contains("://") {
        let url = Url::parse(item).map_err(|_| malformed())?;
        let plain = url.username().is_empty() && url.password().is_none();
        let known = matches!(url.scheme(), "http" | "https") && url.host().is_some();
        return if plain && known { Ok(Place::Url(url).into()) } else { Err(malformed()) };
    }
    let (host, port) = item.rsplit_once(':').ok_or_else(malformed)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let plain = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c));
    if !plain {
        return Err(malformed());
    }
    let port = parse_port(port).map_err(|_| malformed())?;
    Ok(Place::Address { host: host.to_owned(), port }.into())
}
