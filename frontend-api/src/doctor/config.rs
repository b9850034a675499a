//! What the doctor checks besides the service's own dependencies.

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
    "The deployed revision. The doctor's report names it, so that a deployment knows which revision answers.",
);

/// Without it, `make explain` lists the possible services, because neither App Runner nor ECS gives a program its service's
/// ARN.
const EXPLAIN_ARGS: Optional<String> = Optional::parsed(
    "EXPLAIN_ARGS",
    "--from SOURCE, and options of make explain",
    parse_explain_args,
    "none",
    "Options that name this service for `make explain`; the doctor's commands contain them.",
);

/// What the doctor checks besides the service's own dependencies, and what it says of itself.
pub struct DoctorConfig {
    /// `TARGET` with `TARGETPORT`, then `DOCTOR_TARGETS`.
    pub targets: Vec<Target>,
    pub(super) deployment: Deployment,
}

/// What the deployment says of this service.
#[derive(Debug, Clone, Default)]
pub(super) struct Deployment {
    /// `REVISION`.
    pub(super) revision: Option<String>,
    /// `EXPLAIN_ARGS`.
    pub(super) explain_args: Option<String>,
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
        Group { title: "Doctor", variables: &[&TARGET, &TARGETPORT, &DOCTOR_TARGETS, &REVISION, &EXPLAIN_ARGS] };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        let host = vars.read(&TARGET);
        let port = vars.read(&TARGETPORT);
        if host.is_some() && port.is_none() {
            vars.reject("TARGETPORT", "is required with TARGET: a port from 1 to 65535");
        }
        let named = host.zip(port).map(|(host, port)| Target {
            subject: Subject::Target(Subject::TARGET.to_owned()),
            place: Place::Address { host, port },
        });
        let listed = vars.read(&DOCTOR_TARGETS).unwrap_or_default();
        let deployment = Deployment { revision: vars.read(&REVISION), explain_args: vars.read(&EXPLAIN_ARGS) };
        Self { targets: named.into_iter().chain(listed).collect(), deployment }
    }
}

impl From<Place> for Target {
    /// Names the target as it is shown.
    fn from(place: Place) -> Self {
        Self { subject: Subject::Target(place.to_string()), place }
    }
}

/// People paste it into a shell, inside double quotes.
fn parse_explain_args(text: &str) -> Result<String, String> {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || " -_.,:/".contains(c));
    if plain && text.starts_with("--from ") {
        Ok(text.to_owned())
    } else {
        Err("must begin with --from, and have only letters, digits, spaces and -_.,:/".to_owned())
    }
}

fn parse_targets(text: &str) -> Result<Vec<Target>, String> {
    let targets: Vec<_> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(parse_target).collect();
    if targets.len() > MOST_TARGETS {
        return Err(format!("has {} targets; at most {MOST_TARGETS} are allowed", targets.len()));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_tell_a_password(
            text in "(https?://)?[a-z]{0,3}:?(hunter2)?@?[\\[a-z0-9.:/?#\\]]{0,20}(hunter2)?.{0,10}",
        ) {
            if let Err(message) = parse_targets(&text) {
                prop_assert!(!message.contains("hunter2"));
            }
        }

        #[test]
        fn what_is_shown_of_a_target_names_it_again(
            text in "(https?://)?(\\[[0-9a-f:]{2,9}\\]|[a-z0-9.:_-]{1,9})(:[0-9]{1,4})?|http://[a-z]{1,9}/[a-z%0-9]{0,5}",
        ) {
            if let Ok(target) = parse_target(&text) {
                let shown = target.place.to_string();
                let again = parse_target(&shown).map(|target| target.place.to_string());
                prop_assert_eq!(again.as_deref(), Ok(&*shown));
            }
        }
    }
}
