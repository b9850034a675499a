//! How long sessions last, and how often one may try to sign in.

use std::time::Duration;

use causeway_common::config::{Group, Var, Vars};

const SESSION_IDLE_HOURS: Var<u32> =
    Var::int("SESSION_IDLE_HOURS", 14 * 24, 1..=365 * 24, "A session that was not used for this long has ended.");
const SESSION_LIFETIME_HOURS: Var<u32> =
    Var::int("SESSION_LIFETIME_HOURS", 90 * 24, 1..=365 * 24, "A session ends this long after the sign-in.");
const FAILURES_PER_ACCOUNT_AND_ADDRESS: Var<i32> = Var::int(
    "FAILURES_PER_ACCOUNT_AND_ADDRESS",
    10,
    1..=1_000_000,
    "Failed sign-ins to one account from one address in 15 minutes; more are answered with 429.",
);
const FAILURES_PER_ADDRESS: Var<i32> = Var::int(
    "FAILURES_PER_ADDRESS",
    50,
    1..=1_000_000,
    "Failed sign-ins from one address in 15 minutes; more are answered with 429.",
);
const FAILURES_PER_ACCOUNT: Var<i32> = Var::int(
    "FAILURES_PER_ACCOUNT",
    100,
    1..=1_000_000,
    "Failed sign-ins to one account in an hour; more are answered with 429. A low limit lets others lock its owner out.",
);
const HASHES_PER_ADDRESS: Var<i32> = Var::int(
    "HASHES_PER_ADDRESS",
    300,
    1..=1_000_000,
    "Passwords of one address that are hashed in 5 minutes, right or wrong; more are answered with 429.",
);
const SIGN_UPS_PER_ADDRESS: Var<i32> = Var::int(
    "SIGN_UPS_PER_ADDRESS",
    60,
    1..=1_000_000,
    "Attempts of one address to sign up in an hour; more are answered with 429.",
);

/// How long sessions last, and how often one may try to sign in.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    pub(super) idle: Duration,
    pub(super) lifetime: Duration,
    pub(super) failures_per_pair: i32,
    pub(super) failures_per_address: i32,
    pub(super) failures_per_account: i32,
    pub(super) hashes_per_address: i32,
    pub(super) sign_ups_per_address: i32,
}

impl AuthConfig {
    /// Its variables.
    pub const VARIABLES: Group = Group {
        title: "Signing in",
        variables: &[
            &SESSION_IDLE_HOURS,
            &SESSION_LIFETIME_HOURS,
            &FAILURES_PER_ACCOUNT_AND_ADDRESS,
            &FAILURES_PER_ADDRESS,
            &FAILURES_PER_ACCOUNT,
            &HASHES_PER_ADDRESS,
            &SIGN_UPS_PER_ADDRESS,
        ],
    };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        let hours = |hours: u32| Duration::from_secs(3600 * u64::from(hours));
        Self {
            idle: hours(vars.read(&SESSION_IDLE_HOURS)),
            lifetime: hours(vars.read(&SESSION_LIFETIME_HOURS)),
            failures_per_pair: vars.read(&FAILURES_PER_ACCOUNT_AND_ADDRESS),
            failures_per_address: vars.read(&FAILURES_PER_ADDRESS),
            failures_per_account: vars.read(&FAILURES_PER_ACCOUNT),
            hashes_per_address: vars.read(&HASHES_PER_ADDRESS),
            sign_ups_per_address: vars.read(&SIGN_UPS_PER_ADDRESS),
        }
    }
}
